// docs/engines.md's table of what each engine makes of each feature, from the verdict tables that preflight uses.
import {
  buildahVerdicts,
  buildkitVerdicts,
  engineNames,
  type Feature,
  featureFacts,
  features,
  kanikoLineages,
  newestBuildah,
  newestBuildkit,
  type VerdictEntry,
  type VerdictTable,
  verdictEntry,
} from '@polyarch/dockerfile'
import { fillMarkers } from './markers.ts'
import { table } from './tables.ts'

interface Column {
  readonly title: string
  readonly verdicts: VerdictTable
}

const columns: readonly Column[] = [
  { title: `kaniko, upstream to ${kanikoLineages.upstream.newest}`, verdicts: kanikoLineages.upstream.table },
  { title: `kaniko, chainguard ${kanikoLineages.chainguard.newest}`, verdicts: kanikoLineages.chainguard.table },
  { title: `kaniko, osscontainertools to ${kanikoLineages.fork.newest}`, verdicts: kanikoLineages.fork.table },
  { title: `buildah ${newestBuildah}`, verdicts: buildahVerdicts },
  { title: `BuildKit ${newestBuildkit}`, verdicts: buildkitVerdicts },
]

const describeEntry = ({ verdict, happens, remedy }: VerdictEntry): string => {
  if (verdict === 'ok') return remedy ? `ok, with \`${Object.keys(remedy.env).join('`, `')}\`` : 'ok'
  return verdict === 'warn' ? `ok, but ${happens}` : `**refused**: ${happens}`
}

/** Every version's behaviour, the oldest first. */
const cellOf = ([first, ...later]: readonly VerdictEntry[]): string =>
  [
    ...(first ? [describeEntry(first)] : []),
    ...later.map((entry) => `from ${entry.since}: ${describeEntry(entry)}`),
  ].join('<br>')

const insteadOf = (feature: Feature): string => {
  const engines = engineNames.filter((engine) => verdictEntry(feature, { engine }).verdict === 'ok')
  const isRefused = columns.some(({ verdicts }) => verdicts[feature].some(({ verdict }) => verdict === 'refuse'))
  if (!isRefused) return ''
  return [featureFacts(feature).advice ?? [], engines.length === 0 ? [] : `engine ${engines.join(' or ')}`]
    .flat()
    .join('; or ')
}

const verdictTable = (): string =>
  table(
    ['finding', 'what it is', ...columns.map(({ title }) => title), 'instead'],
    (Object.keys(features) as Feature[]).map((feature) => [
      `\`${feature}\``,
      featureFacts(feature).title,
      ...columns.map(({ verdicts }) => cellOf(verdicts[feature])),
      insteadOf(feature),
    ]),
  )

/** docs/engines.md with its table filled in. */
export const fillEngines = (text: string): string => fillMarkers(text, { verdicts: verdictTable() })
