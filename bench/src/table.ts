// The report: a Markdown table for each row, for the terminal and for docs/benchmarks.md alike.
import type { RowResult } from './contest.ts'
import type { Facts } from './machine.ts'
import { median } from './measure.ts'
import type { StartUp } from './start-up.ts'
import { bestPeerSeconds, figuresOf, judgeGoals } from './verdict.ts'
import { megabyte } from './workload.ts'

type Cells = readonly string[]

/** A Markdown table whose columns line up as text too: the first to the left, numbers to the right. */
const formatTable = (head: Cells, lines: readonly Cells[]): string => {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...lines.map((line) => line[column]?.length ?? 0), 3),
  )
  const align = (cells: Cells): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [align(head), `| ${rule.join(' | ')} |`, ...lines.map(align)].join('\n')
}

const none = '–'

const formatSeconds = (seconds: number): string => seconds.toFixed(seconds < 10 ? 3 : 1)

const formatRatio = (seconds: number, best: number | undefined): string =>
  best === undefined ? none : (seconds / best).toFixed(2)

const head = ['tool', 'seconds', 'x best peer', 'CPU s', 'requests', 'serial', 'connections', 'peak MB']

/** One row: every tool, then what Polyarch had to reach. */
export const formatRow = (result: RowResult, nodeSeconds: number): string => {
  const best = bestPeerSeconds(result)
  const lines = result.standings.flatMap((standing): Cells[] => {
    const { contender } = standing
    const figures = figuresOf(standing)
    if (!figures) return [[contender.name, 'failed', ...head.slice(2).map(() => none)]]
    const { seconds, processorSeconds, peakBytes, wire } = figures
    const line = [
      contender.name,
      formatSeconds(seconds),
      formatRatio(seconds, best),
      formatSeconds(processorSeconds),
      ...[wire?.requests, wire?.serialRequests, wire?.connections].map((count) => String(count ?? none)),
      (peakBytes / megabyte).toFixed(0),
    ]
    if (contender.tool !== 'polyarch') return [line]
    const less = seconds - nodeSeconds
    return [
      line,
      [`${contender.name}, less Node's start`, formatSeconds(less), formatRatio(less, best), '', '', '', '', ''],
    ]
  })
  const goals = judgeGoals(result, nodeSeconds).map(
    ({ goal, measured, reached }) => `- ${reached ? 'reached' : '**missed**'}: ${goal} (${measured})`,
  )
  const failures = result.standings.flatMap(({ contender, failure }) =>
    failure === undefined ? [] : [`- ${contender.name} failed: ${failure}`],
  )
  const notes = [...goals, ...failures]
  return [`### ${result.row.title}`, '', formatTable(head, lines), ...(notes.length > 0 ? ['', ...notes] : [])].join(
    '\n',
  )
}

/** Whether memory grows with a layer: the peak of each tool in the rows that push one layer, in megabytes. */
export const formatMemory = (results: readonly RowResult[]): string | undefined => {
  const single = results.flatMap((result) => {
    const { work } = result.row
    return work.kind === 'push' && work.shape.layers === 1 ? [{ result, bytes: work.shape.layerBytes }] : []
  })
  if (single.length < 2) return undefined
  const columns = single.toSorted((left, right) => left.bytes - right.bytes)
  const names = new Set(columns.flatMap(({ result }) => result.standings.map(({ contender }) => contender.name)))
  const peakOf = (name: string, { standings }: RowResult): string => {
    const standing = standings.find(({ contender }) => contender.name === name)
    const figures = standing && figuresOf(standing)
    return figures ? (figures.peakBytes / megabyte).toFixed(0) : none
  }
  const table = formatTable(
    ['tool', ...columns.map(({ bytes }) => `${bytes / (1000 * megabyte)} GB`)],
    [...names].map((name) => [name, ...columns.map(({ result }) => peakOf(name, result))]),
  )
  return `### peak MB by the size of a layer\n\n${table}`
}

/** What each program takes to start. */
export const formatStartUps = (startUps: readonly StartUp[]): string =>
  formatTable(
    ['program', 'seconds', 'peak MB'],
    startUps.map(({ name, costs }) => [
      name,
      formatSeconds(median(costs.map(({ seconds }) => seconds))),
      (Math.max(...costs.map(({ peakBytes }) => peakBytes)) / megabyte).toFixed(0),
    ]),
  )

/** How to read the figures, the facts behind them, and all rows: what docs/benchmarks.md holds. */
export const formatDocument = (facts: Facts, runs: number, startUps: string, sections: readonly string[]): string =>
  `# Benchmarks

Written by \`npm run bench -- --write\`; do not edit. Each tool pushed or merged the same content on the same registry in
the same run, in turns, with an empty repository (or the same one) before each run; a result counts only after skopeo,
crane and regctl have read it back. Ratios carry over to another machine, seconds do not.

- **seconds**: the median of ${runs === 1 ? 'a single run' : `up to ${runs} runs`}, from the start of the process to its end. **x best peer**: divided by the
  fastest peer's, hand-tuned ones included. **CPU s**: user and system time. **peak MB**: the largest resident set.
- **requests**, **connections**: what reached the registry. **serial**: the most round trips of which each
  waited for the one before; requests that go out one behind the other without waiting are one of them.
- A round-trip time (RTT) is added by a proxy, half of it in each direction and one for each new connection. Where none
  is named, tools talk to the registry itself; only the run that counts connections goes through the proxy.
- Tools without a remark run with their defaults. "By hand in parallel" is a script that starts whatever can run at once.
- Polyarch is JavaScript: Node's own start is part of its seconds, and taken off in the line below. Goals are judged
  without it.
- A bare loop sends the blobs by POST and PUT and does nothing else: no checks, retries, progress or command line. It is
  no peer, but shows the floor: of JavaScript with an HTTP library (undici, which Polyarch uses), and without one. Node's
  start is part of its seconds.

## Measured on

${formatFacts(facts)}

## Results

${sections.join('\n\n')}

## Starting

${startUps}
`

/** The machine's facts as a list. */
export const formatFacts = (facts: Facts): string => facts.map(([subject, fact]) => `- ${subject}: ${fact}`).join('\n')
