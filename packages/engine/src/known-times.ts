// Keeps how long instructions took next to the layers that are cached: what a hit saves, the engines themselves do not know.
import type { Host } from '@polyarch/ci-host'
import { Failure, type FailureKind, formatRepository, type Repository } from '@polyarch/oci'
import { readArtifact, type Stores, writeArtifact } from '@polyarch/stores'
import {
  type CacheUse,
  encodeKnownTimes,
  type InstructionTimes,
  type KnownTimes,
  knownTimesLimit,
  parseKnownTimes,
  sumCacheUse,
  updateKnownTimes,
} from './instruction-times.ts'

const tag = 'polyarch-durations'

const artifactType = 'application/vnd.polyarch.durations.v1+json'

const isEqual = (left: KnownTimes, right: KnownTimes): boolean =>
  left.size === right.size && [...left].every(([key, seconds]) => right.get(key) === seconds)

/**
 * What the cache saved this build, by the times that are in the cache repository; this build's own are left there for
 * the next one. Whatever goes wrong with that is no failure of the build.
 */
export const settleTimes = async (
  repository: Repository | undefined,
  engine: string,
  instructions: InstructionTimes,
  stores: Pick<Stores, 'open'>,
  host: Host,
): Promise<CacheUse> => {
  const nothing: KnownTimes = new Map()
  if (repository === undefined || (instructions.ran.size === 0 && instructions.cached.length === 0))
    return sumCacheUse(nothing, engine, instructions)
  /** Whether the failure is worth a person's attention. */
  const tell = (what: string, error: unknown, quietKinds: readonly FailureKind[]): boolean => {
    host.signal.throwIfAborted()
    const isLoud = !(error instanceof Failure && quietKinds.includes(error.kind))
    const reason = error instanceof Error ? error.message : String(error)
    const line = `${formatRepository(repository)}: the times of instructions cannot be ${what}: ${reason}`
    if (isLoud) host.log.warning(line)
    else host.log.debug(line)
    return isLoud
  }
  const location = { kind: 'registry', repository } as const
  let known = nothing
  try {
    const bytes = await readArtifact(stores.open(location), tag, { artifactType, limit: knownTimesLimit })
    if (bytes !== undefined) known = parseKnownTimes(bytes)
  } catch (error) {
    // Some registries deny what is not there yet; what is malformed is replaced.
    if (tell('read', error, ['denied', 'verification'])) return sumCacheUse(nothing, engine, instructions)
  }
  const updated = updateKnownTimes(known, engine, instructions)
  if (!isEqual(known, updated)) {
    try {
      await writeArtifact(stores.open(location, 'write'), tag, artifactType, encodeKnownTimes(updated))
    } catch (error) {
      tell('written', error, ['denied'])
    }
  }
  return sumCacheUse(known, engine, instructions)
}
