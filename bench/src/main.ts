// npm run bench: Polyarch's push and merge beside skopeo, crane, regctl, oras and buildx, on one server in one run.
import { existsSync } from 'node:fs'
import { mkdtemp, rm, statfs, writeFile } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { prepareParts, reasonMissing, repositoryRoot } from '@polyarch/parts'
import { Command, InvalidArgumentError, Option } from 'commander'
import { contenderParts, listContenders, polyarchBundle } from './contender.ts'
import { holdContest, type RowResult } from './contest.ts'
import { isBusy, readFacts } from './machine.ts'
import { median } from './measure.ts'
import { type Row, roomFor, rows } from './row.ts'
import { measureStartUps, nodeAlone } from './start-up.ts'
import { formatDocument, formatFacts, formatMemory, formatRow, formatStartUps } from './table.ts'

interface Options {
  readonly rows: readonly Row[]
  readonly tools: readonly string[] | undefined
  readonly runs: number
  readonly bundle: string
  readonly write: boolean
}

const parseRuns = (text: string): number => {
  const runs = Number(text)
  if (Number.isInteger(runs) && runs > 0) return runs
  throw new InvalidArgumentError('expected a whole number, at least 1')
}

const parseRows = (text: string): Row[] =>
  text.split(',').map((id) => {
    const row = rows.find((candidate) => candidate.id === id)
    if (row) return row
    throw new InvalidArgumentError(`no row "${id}": there are ${rows.map((candidate) => candidate.id).join(', ')}`)
  })

const parseTools = (text: string): string[] => {
  const known: readonly string[] = ['polyarch', ...contenderParts, 'floor']
  const unknown = text.split(',').find((tool) => !known.includes(tool))
  if (unknown === undefined) return text.split(',')
  throw new InvalidArgumentError(`no tool "${unknown}": there are ${known.join(', ')}`)
}

const readOptions = (): Options =>
  new Command('npm run bench --')
    .description('Measures Polyarch side by side with its peers on the same server.')
    .addOption(new Option('--rows <ids>', 'only these rows').argParser(parseRows).default(rows, 'all'))
    .addOption(new Option('--tools <names>', 'only these tools').argParser(parseTools))
    .addOption(
      new Option('--runs <count>', 'runs of each tool in each row').env('RUNS').argParser(parseRuns).default(5),
    )
    .addOption(
      new Option('--bundle <file>', 'measure this bundle of Polyarch')
        .argParser((text) => resolve(text))
        .default(polyarchBundle),
    )
    .option('--write', 'write docs/benchmarks.md', false)
    .parse()
    .opts<Options>()

const report = (line: string): void => console.error(line)

/** Where temporary files are unless a row has a better place. */
const temporary = tmpdir()

/** A directory in memory where this machine has room for the row's bytes there. */
const storageFor = async (row: Row): Promise<string | undefined> => {
  for (const directory of ['/dev/shm', temporary]) {
    if (!existsSync(directory)) continue
    const { bavail, bsize } = await statfs(directory)
    if (bavail * bsize > roomFor(row)) return directory
  }
  return undefined
}

/** The server, the clock, who reads back, and who puts content in place: no row goes without them. */
const indispensable = ['distribution-3', 'time', 'skopeo', 'oras'] as const

const bench = async (options: Options, signal: AbortSignal): Promise<void> => {
  const [load = 0] = loadavg()
  if (isBusy(load))
    report(`WARNING this machine is busy (load average ${load.toFixed(1)}): requests and memory hold, times do not`)
  await prepareParts([...contenderParts, 'time', 'distribution-3'], report)
  for (const part of indispensable) {
    const reason = reasonMissing(part)
    if (reason !== undefined) throw new Error(`nothing can be measured without ${part}: ${reason}`)
  }

  const contenders = listContenders(options.bundle).filter(({ tool }) => options.tools?.includes(tool) ?? true)
  for (const { name, missing } of contenders) if (missing !== undefined) report(`SKIPPED ${name}: ${missing}`)

  const own = contenders.find(({ tool, missing }) => tool === 'polyarch' && missing === undefined)
  const startUps = await measureStartUps(options.runs, own && options.bundle, signal)
  const nodeSeconds = median(
    startUps.flatMap(({ name, costs }) => (name === nodeAlone ? costs.map(({ seconds }) => seconds) : [])),
  )

  const results: RowResult[] = []
  let storage = temporary
  for (const row of options.rows) {
    const chosen = await storageFor(row)
    if (chosen === undefined) {
      report(`SKIPPED ${row.title}: no room for ${roomFor(row)} bytes`)
      continue
    }
    storage = chosen
    const directory = await mkdtemp(join(chosen, 'polyarch-bench-'))
    // Everything that a row writes goes to the temporary directory of this process.
    process.env['TMPDIR'] = directory
    try {
      const result = await holdContest(row, contenders, { runs: options.runs, signal, report })
      results.push(result)
      console.log(`\n${formatRow(result, nodeSeconds)}\n`)
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  }

  const facts = await readFacts(storage, load)
  const memory = formatMemory(results)
  if (memory !== undefined) console.log(`${memory}\n`)
  console.log(`${formatStartUps(startUps)}\n\n${formatFacts(facts)}`)
  if (options.write) {
    const path = join(repositoryRoot, 'docs', 'benchmarks.md')
    const sections = [
      ...results.map((result) => formatRow(result, nodeSeconds)),
      ...(memory === undefined ? [] : [memory]),
    ]
    await writeFile(path, formatDocument(facts, options.runs, formatStartUps(startUps), sections))
    report(`wrote ${path}`)
  }
}

const controller = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.once(name, () => controller.abort(new Error(`ended by ${name}`)))
try {
  await bench(readOptions(), controller.signal)
} catch (error) {
  if (!controller.signal.aborted) throw error
  report((controller.signal.reason as Error).message)
  process.exitCode = 1
}
