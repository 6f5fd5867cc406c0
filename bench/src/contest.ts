// Carries out one row: prepares the work and the server, lets the tools take turns, and has each result judged.
import { cp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DigestRecord } from '@polyarch/documents'
import { partPath, type RunningRegistry, startLatencyProxy, startRegistry } from '@polyarch/parts'
import type { Contender, MergeJob, PushJob } from './contender.ts'
import { judgeMerge, judgePush, WrongResult } from './judge.ts'
import { type Cost, measureScript, ScriptError } from './measure.ts'
import { countSerialExchanges } from './round-trips.ts'
import type { Row, Work } from './row.ts'
import { command } from './shell-script.ts'
import { changeConfig, layoutTag, megabyte, type WrittenLegs, writeImage, writeLegs } from './workload.ts'

/** What passed over the wire in one run. */
export interface Wire {
  readonly requests: number
  readonly serialRequests: number
  readonly connections: number
}

export interface Standing {
  readonly contender: Contender
  readonly costs: readonly Cost[]
  readonly wire: Wire | undefined
  /** Why it is out of the contest, if it is. */
  readonly failure: string | undefined
}

/** A row with how each tool did, in the order in which they were given. */
export interface RowResult {
  readonly row: Row
  readonly standings: readonly Standing[]
}

export interface ContestOptions {
  readonly runs: number
  readonly signal: AbortSignal
  readonly report: (line: string) => void
}

/** A job for every tool that runs through `host`, and the judge of it. */
interface Job {
  scriptOf(contender: Contender, host: string): string | undefined
  judge(host: string, registry: string, whole: boolean): Promise<void>
}

/** Puts what a layout holds into a repository, untimed and not through a proxy. */
const seed = async (layout: string, target: string, signal: AbortSignal): Promise<void> => {
  const options = ['--concurrency', '16', '--from-oci-layout', '--to-plain-http']
  await measureScript(command(partPath('oras'), 'cp', ...options, `${layout}:${layoutTag}`, target), signal)
}

const repositoryName = 'bench/image'

const preparePush = async (row: Row, directory: string, registry: string, signal: AbortSignal): Promise<Job> => {
  if (row.work.kind !== 'push') throw new TypeError('not a push')
  const { shape, before } = row.work
  const written = await writeImage(join(directory, 'image'), shape)
  let image = written
  if (before !== 'nothing') await seed(written.layout, `${registry}/${repositoryName}:${layoutTag}`, signal)
  if (before === 'the image with another config') image = await changeConfig(written, join(directory, 'changed'))
  const jobFor = (host: string): PushJob => ({
    host,
    repository: `${host}/${repositoryName}`,
    tag: layoutTag,
    image,
  })
  // Reading back takes as much room again.
  const readable = shape.layers * shape.layerBytes <= 1000 * megabyte
  return {
    scriptOf: (contender, host) => contender.push?.(jobFor(host)),
    judge: (host, direct, whole) => judgePush(jobFor(host), direct, whole && readable),
  }
}

const writeRecords = async (directory: string, repository: string, { legs }: WrittenLegs): Promise<string> => {
  await mkdir(directory, { recursive: true })
  for (const { platform, manifest, config, attestation } of legs) {
    const record: DigestRecord = {
      schema: 'polyarch.digest/v1',
      plan: null,
      leg: null,
      image: 'image',
      platform,
      repository,
      digest: manifest.digest,
      mediaType: manifest.mediaType,
      size: manifest.size,
      configDigest: config.digest,
      attestations: attestation ? [{ ...attestation }] : [],
      engine: null,
      run: null,
    }
    await writeFile(join(directory, `${platform.replaceAll('/', '-')}.json`), JSON.stringify(record))
  }
  return directory
}

const prepareMerge = async (
  row: Row,
  directory: string,
  registry: string,
  host: string,
  signal: AbortSignal,
): Promise<Job> => {
  if (row.work.kind !== 'merge') throw new TypeError('not a merge')
  const { platforms, attested, repositories, tags } = row.work
  const written = await writeLegs(join(directory, 'legs'), platforms, { attested })
  const names = Array.from({ length: repositories }, (_, index) => `bench/merge-${index}`)
  await seed(written.layout, `${registry}/${names[0]}:seed`, signal)
  const job: MergeJob = {
    host,
    repositories: names.map((name) => `${host}/${name}`) as [string, ...string[]],
    tags: Array.from({ length: tags }, (_, index) => `v${index}`) as [string, ...string[]],
    legs: written.legs,
    records: await writeRecords(join(directory, 'records'), `${host}/${names[0]}`, written),
  }
  return {
    scriptOf: (contender) => contender.merge?.(job),
    judge: (_host, direct, whole) => judgeMerge(job, direct, whole),
  }
}

/** The registry's content as it was when the row began. */
const keepContent = async (registry: RunningRegistry, directory: string) => {
  const kept = join(directory, 'kept')
  await cp(registry.directory, kept, { recursive: true })
  return async (): Promise<void> => {
    await rm(join(registry.directory, 'docker'), { recursive: true, force: true })
    await cp(kept, registry.directory, { recursive: true })
  }
}

/** A floor knows nothing of what is already there. */
const isAble = ({ tool, push, merge }: Contender, work: Work): boolean =>
  work.kind === 'push' ? push !== undefined && (tool !== 'floor' || work.before === 'nothing') : merge !== undefined

/** The list, begun by another one each time: no tool is always the first. */
const rotate = <T>(list: readonly T[], by: number): T[] => [
  ...list.slice(by % list.length),
  ...list.slice(0, by % list.length),
]

/** Lets the contenders do the row's work in turn; one that fails is out, with the reason. */
export const holdContest = async (
  row: Row,
  contenders: readonly Contender[],
  { runs, signal, report }: ContestOptions,
): Promise<RowResult> => {
  const directory = join(tmpdir(), row.id)
  await mkdir(directory)
  await using registry = await startRegistry({ server: 'distribution-3' })
  await using proxy = await startLatencyProxy({ target: registry.host, roundTripMs: row.roundTripMs })
  // A proxy costs bytes their speed: where the server is near, only the run that counts requests goes through it.
  const host = row.roundTripMs > 0 ? proxy.host : registry.host
  try {
    report(`${row.title}: preparing`)
    const job = await (row.work.kind === 'push'
      ? preparePush(row, directory, registry.host, signal)
      : prepareMerge(row, directory, registry.host, host, signal))
    const restore = await keepContent(registry, directory)
    const able = contenders.filter((contender) => contender.missing === undefined && isAble(contender, row.work))
    const costs = new Map<Contender, Cost[]>(able.map((contender) => [contender, []]))
    const wires = new Map<Contender, Wire>()
    const failures = new Map<Contender, string>()

    const run = async (contender: Contender, through: string): Promise<Cost | undefined> => {
      if (failures.has(contender)) return undefined
      signal.throwIfAborted()
      await restore()
      const before = (await registry.requests()).length
      proxy.forget()
      try {
        const script = job.scriptOf(contender, through) ?? ''
        const cost = await measureScript(script, signal, contender.files?.(through))
        const { connections, exchanges } = proxy.traffic()
        const requests = (await registry.requests()).length - before
        if (through === proxy.host)
          wires.set(contender, { requests, connections, serialRequests: countSerialExchanges(exchanges) })
        await job.judge(through, registry.host, through === proxy.host && costs.get(contender)?.length === 0)
        return cost
      } catch (error) {
        if (!(error instanceof ScriptError || error instanceof WrongResult)) throw error
        failures.set(contender, error.message)
        report(`${contender.name} failed: ${error.message}`)
        return undefined
      }
    }

    if (host !== proxy.host) for (const contender of able) await run(contender, proxy.host)
    for (let count = 0; count < Math.min(runs, row.mostRuns ?? runs); count += 1) {
      for (const contender of rotate(able, count)) {
        const cost = await run(contender, host)
        if (!cost) continue
        costs.get(contender)?.push(cost)
        report(`${row.id} ${count + 1}: ${contender.name} ${cost.seconds.toFixed(2)} s`)
      }
    }
    return {
      row,
      standings: able.map((contender) => ({
        contender,
        costs: costs.get(contender) ?? [],
        wire: wires.get(contender),
        failure: failures.get(contender),
      })),
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
