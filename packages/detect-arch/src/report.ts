// Says what was planned: a table for a terminal, the same in markdown for a job's summary. Pure.
import type { Host } from '@polyarch/ci-host'
import type { Plan } from '@polyarch/documents'
import { parsePlatform } from '@polyarch/oci'
import type { Machine } from './machine.ts'
import type { Outputs } from './outputs.ts'
import type { PlanResult } from './plan.ts'
import { findRunner, formatRunner, hostedRunners, localRunner, type Runner } from './runner-map.ts'

type Row = readonly string[]

const header: Row = ['image', 'platform', 'engine', 'runner', 'tags', 'why']

/** Rows of text in columns, as wide as their widest cell. */
const formatColumns = (rows: readonly Row[]): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

// Ids, tags and reasons come from files of the repository: nothing of them may become markup in a summary.
const escapeCell = (cell: string): string =>
  cell.replaceAll(/[\r\n]+/g, ' ').replaceAll(/[\\`*_{}[\]()#+!|<>~]/g, (character) => `\\${character}`)

const formatMarkdown = ([head = [], ...rows]: readonly Row[]): string =>
  [head, head.map(() => '---'), ...rows]
    .map((row, line) => `| ${row.map((cell) => (line < 2 ? cell : escapeCell(cell))).join(' | ')} |`)
    .join('\n')

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

const planRows = (plan: Plan, reasons: ReadonlyMap<string, string>): Row[] => {
  const legs = Map.groupBy(plan.legs, ({ image }) => image)
  const images = plan.images.flatMap((image): Row[] => {
    const tags = image.tags.join(', ')
    const rows = [
      ...(legs.get(image.id) ?? []).map(({ id, platform, engine, runner, native }): Row => {
        const why = reasons.get(id) ?? (native ? 'native' : 'not native')
        return [image.id, platform, engine, formatRunner(runner), tags, why]
      }),
      ...Object.entries(image.prebuilt).map(
        ([platform, reference]): Row => [image.id, platform, '-', '-', tags, `prebuilt: ${reference}`],
      ),
    ]
    return rows.map((row, position) => (position === 0 ? row : ['', ...row.slice(1, 4), '', ...row.slice(5)]))
  })
  return [...images, ...plan.skipped.map(({ image, reason }): Row => [image, 'skipped', '-', '-', '', reason])]
}

const summaryLine = ({ images, legs, skipped }: Plan): string =>
  images.length === 0
    ? `nothing to build${skipped.length > 0 ? `: ${plural(skipped.length, 'image')} skipped` : ''}`
    : `${plural(images.length, 'image')}, ${plural(legs.length, 'leg')}${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`

/** The plan as text for a terminal. */
export const describePlan = ({ plan, reasons }: Pick<PlanResult, 'plan' | 'reasons'>): string => {
  const title = `plan ${plan.id}: ${summaryLine(plan)}`
  const rows = planRows(plan, reasons)
  return rows.length === 0 ? title : `${title}\n${formatColumns([header, ...rows])}`
}

const runnerFor = (forge: Host['kind'], platform: string): Runner =>
  forge === 'terminal'
    ? localRunner
    : (findRunner(hostedRunners[forge], parsePlatform(platform))?.runner ?? 'none hosted')

/** What the machine is and which platforms it could build. */
export const describeMachine = (machine: Machine, forge: Host['kind']): string => {
  const rows: Row[] = [
    ['platform', 'runs', 'runner'],
    [machine.platform, `natively (${machine.evidence})`, formatRunner(runnerFor(forge, machine.platform))],
    ...machine.emulators.map(
      ({ platform, name, interpreter, fixed }): Row => [
        platform,
        `emulated by ${name} (${interpreter}${fixed ? '' : ', not inside containers'})`,
        formatRunner(runnerFor(forge, platform)),
      ],
    ),
  ]
  return formatColumns(rows)
}

type ReportedPlan = Pick<Outputs, 'plan-file' | 'host-platform' | 'reasons'> & { readonly plan?: Plan | undefined }

/** The plan in markdown for a job's summary. */
export const reportPlan = ({
  plan,
  reasons = {},
  'plan-file': file,
  'host-platform': hostPlatform,
}: ReportedPlan): string => {
  if (plan === undefined) return `### Plan\n\nIt is in \`${file}\`: too big for this page.\n`
  const rows = planRows(plan, new Map(Object.entries(reasons)))
  const title = `### Plan \`${plan.id}\`\n\n${summaryLine(plan)}; planned on ${hostPlatform}.`
  return rows.length === 0 ? `${title}\n` : `${title}\n\n${formatMarkdown([header, ...rows])}\n`
}
