// Which kaniko a build will use, as far as it can be known before.
import type { Host } from '@polyarch/ci-host'
import { type EngineVersion, type KanikoLineage, kanikoLineageOf } from '@polyarch/dockerfile'
import { formatRepository } from '@polyarch/oci'
import type { Stores } from '@polyarch/stores'
import type { KanikoSettings } from './inputs.ts'
import { parseKanikoImage } from './kaniko-image.ts'
import { openExecutor } from './open-executor.ts'

/** Whose images are not the living fork's. */
const lineages: readonly (readonly [repository: RegExp, lineage: KanikoLineage])[] = [
  [/^gcr\.io\/kaniko-project\//, 'upstream'],
  [/^cgr\.dev\//, 'chainguard'],
]

/**
 * The kaniko of an image, by its name and tag; nothing is asked. A tag that is no version tells nothing of it.
 * @throws {Failure} input, when it is no reference.
 */
export const kanikoOfImage = (image: string): EngineVersion => {
  const reference = parseKanikoImage(image)
  const version = /^v?(\d+\.\d+(?:\.\d+)?)(?:-\w+)?$/.exec(reference.tag ?? '')?.[1]
  const repository = formatRepository(reference)
  const lineage = lineages.find(([pattern]) => pattern.test(repository))?.[1]
  return { engine: 'kaniko', version, lineage }
}

/**
 * The kaniko that the settings name: an executor of this machine is asked, an image is known by its tag.
 * @throws {Failure} input, when there is no such executor or no such image.
 */
export const findKaniko = async (
  settings: Pick<KanikoSettings, 'launcher' | 'executor' | 'kaniko-image'>,
  host: Host,
  stores: Stores,
): Promise<EngineVersion> => {
  if (settings.executor === undefined) return kanikoOfImage(settings['kaniko-image'])
  await using executor = await openExecutor(settings, host, stores, false)
  const { version, flags } = executor.facts
  return { engine: 'kaniko', version, lineage: kanikoLineageOf(flags) }
}
