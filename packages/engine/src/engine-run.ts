// One run of an engine: how long it took, how much memory, and why it ended.
import { readFile } from 'node:fs/promises'
import type { CommandResult, Host } from '@polyarch/ci-host'
import { Failure } from '@polyarch/oci'
import type { Stores } from '@polyarch/stores'
import type { BuildRequest } from './build-request.ts'
import type { EngineWords } from './engine-failure.ts'
import { type CacheUse, sumCacheUse } from './instruction-times.ts'
import { settleTimes } from './known-times.ts'
import { openMemoryWatch } from './memory-watch.ts'

/** `killed`: by a signal that nobody here sent. */
export type EndReason = 'finished' | 'failed' | 'killed' | 'out of memory' | 'out of disk' | 'stopped'

export interface EngineRun {
  readonly code: number
  readonly seconds: number
  /** Bytes, as /proc showed them while it ran; undefined where it runs elsewhere: in a daemon, or on no Linux. */
  readonly peakMemory: number | undefined
  readonly reason: EndReason
  readonly cache: CacheUse
}

export interface RunSettings {
  readonly request: Pick<BuildRequest, 'name' | 'timeoutSeconds' | 'cacheRepository'>
  /** As people write its name. */
  readonly engine: string
  /** What the engine says while it runs. */
  readonly words: EngineWords
  /** Opens the cache repository, which knows how long cached instructions took. */
  readonly stores: Pick<Stores, 'open'>
  /** Stops the engine for a reason of the caller's. */
  readonly signal?: AbortSignal
}

/** What the engine has to be started with. */
export interface RunControl {
  readonly signal: AbortSignal
  /** Told the process under which all that the engine does happens on this machine. */
  readonly onStart: (pid: number) => void
}

const readCounter = async (file: string, name: string): Promise<number> => {
  try {
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(await readFile(file, 'utf8'))?.[1] ?? 0)
  } catch (error) {
    if (['ENOENT', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return 0
    throw error
  }
}

/** How many processes the kernel has ended for want of memory: on this machine, and where that is hidden, in this container. */
const countOutOfMemory = async (): Promise<number> =>
  (await readCounter('/proc/vmstat', 'oom_kill')) + (await readCounter('/sys/fs/cgroup/memory.events', 'oom_kill'))

const diskFull = /no space left on device|disk quota exceeded|\bENOSPC\b/i

/** Commands say more after the error that ended them, but not much. */
const finalLines = 10

/** Where the engine or a command that failed says that the disk is full. */
export const findDiskFull = ({ error = '', lastLines }: Pick<EngineWords, 'error' | 'lastLines'>): string | undefined =>
  [error, ...lastLines.slice(-finalLines)].findLast((line) => diskFull.test(line))

/** 128 + SIGKILL, or an engine's words for a command that ended so. */
const killedCode = 137
const killedWords = /signal: killed|exit (?:code|status):? 137\b/

/** Why an engine ended that nobody stopped; `outOfMemory` says whether the kernel killed processes meanwhile. */
export const findReason = (
  code: number,
  words: Pick<EngineWords, 'error' | 'lastLines'>,
  outOfMemory: boolean,
): EndReason => {
  if (code === 0) return 'finished'
  if (findDiskFull(words) !== undefined) return 'out of disk'
  const said = [words.error, words.lastLines.at(-1)].join('\n')
  if ((code === killedCode || killedWords.test(said)) && outOfMemory) return 'out of memory'
  return code > 128 ? 'killed' : 'failed'
}

/** Bytes, as people read them. */
export const formatMemory = (bytes: number | undefined): string =>
  bytes === undefined ? 'unknown' : `${Math.ceil(bytes / 2 ** 20)} MiB`

/** Seconds, as people read them. */
export const formatSeconds = (seconds: number): string => {
  if (seconds < 100) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  return `${Math.floor(whole / 60)} min ${whole % 60} s`
}

/** What caches did for a build, as people read it. */
export const describeCacheUse = ({ hits, timedHits, secondsSaved }: CacheUse): string => {
  const counted = `${hits} cache ${hits === 1 ? 'hit' : 'hits'}`
  if (secondsSaved === undefined) return counted
  return `${counted}, ${timedHits < hits ? 'at least ' : ''}${formatSeconds(secondsSaved)} saved`
}

const describeRun = ({ seconds, peakMemory, reason, cache }: EngineRun): string =>
  `${reason} after ${formatSeconds(seconds)}, peak memory ${formatMemory(peakMemory)}, ${describeCacheUse(cache)}`

/**
 * Runs the engine and says how it ended, in the log and, where it did not finish, in the job's summary.
 * @throws {Failure} build, when it took longer than the request allows; the host's reason, when the job is cancelled.
 */
export const runEngine = async (
  { request: { name, timeoutSeconds, cacheRepository }, engine, words, stores, signal }: RunSettings,
  host: Host,
  start: (control: RunControl) => Promise<CommandResult>,
): Promise<EngineRun> => {
  const timeout = timeoutSeconds === undefined ? undefined : AbortSignal.timeout(timeoutSeconds * 1000)
  const stop = AbortSignal.any([timeout, signal].filter((each) => each !== undefined))
  using memory = openMemoryWatch((error) => host.log.debug(`memory is not watched: ${error.message}`))
  const kills = await countOutOfMemory()
  const started = performance.now()
  const { code } = await host.log.group(`${engine} ${name}`, () =>
    start({ signal: stop, onStart: (pid) => memory.follow(pid) }),
  )
  const seconds = (performance.now() - started) / 1000
  host.signal.throwIfAborted()
  const isStopped = code !== 0 && stop.aborted
  const reason = isStopped ? 'stopped' : findReason(code, words, (await countOutOfMemory()) > kills)
  const cache =
    reason === 'finished'
      ? await settleTimes(cacheRepository, engine, words.instructions, stores, host)
      : sumCacheUse(new Map(), engine, words.instructions)
  const run = { code, seconds, peakMemory: memory.peak, reason, cache }
  host.log.info(`${name}: ${engine} ${describeRun(run)}`)
  if (reason !== 'finished') await host.summarise(`**${name}** was not built: ${engine} ${describeRun(run)}\n`)
  if (isStopped && timeout?.aborted)
    throw new Failure(
      'build',
      `${name}: ${engine} was stopped after ${formatSeconds(timeoutSeconds ?? 0)}, which is all that input timeout allows`,
    )
  return run
}
