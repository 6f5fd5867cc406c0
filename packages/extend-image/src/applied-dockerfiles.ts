// Applies the Dockerfiles of extensions, each to what the one before left.
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import type { EngineResult } from '@polyarch/engine'
import { openLayout } from '@polyarch/layout'
import type { Reference } from '@polyarch/oci'
import type { Stores } from '@polyarch/stores'
import type { DirectoryTree } from './directory-tree.ts'
import { buildWith, engineStubs } from './engines.ts'
import {
  type AppliedDockerfile,
  describeFinalUser,
  describeRoot,
  finishConfig,
  normaliseHistory,
} from './extended-config.ts'
import { userOf } from './extension-args.ts'
import { type RequestSource, requestExtension } from './extension-request.ts'
import type { ExtensionDockerfile } from './generated.ts'
import { hasWholeHistory, type SourceImage } from './image-source.ts'
import { type LayeredImage, writeImage } from './layered-image.ts'
import { whileDoing } from './lifecycle-failure.ts'
import type { EngineName } from './plan.ts'
import { serveImages } from './served-images.ts'
import { addWorkdir, takeOver } from './taken-image.ts'
import { type DockerfilePart, splitAtWorkdirs } from './workdir-parts.ts'

const layeredOf = ({ manifest, config, store }: SourceImage): LayeredImage => ({
  base: manifest,
  config,
  layers: manifest.layers.map((descriptor) => ({ descriptor, store })),
})

/** What extensions made of an image. */
export interface ExtendedImage {
  readonly image: LayeredImage
  /** What each Dockerfile took of the engine. */
  readonly results: readonly EngineResult[]
}

/**
 * Applies the Dockerfiles to the image.
 * @throws {Failure} with the lifecycle's code 102, where a run image would end as root; else what the engine fails with.
 */
export const applyDockerfiles = async (
  source: SourceImage,
  dockerfiles: readonly ExtensionDockerfile[],
  settings: RequestSource,
  host: Host,
  stores: Stores,
): Promise<ExtendedImage> => {
  const { plan, inputs, hidden, work } = settings
  await using served = await serveImages((error) => host.log.warning(`the image could not be read: ${error.message}`))
  const applying = {
    traces: { mounts: hidden, stubs: engineStubs[plan.engine] },
    blobs: openLayout(join(work, 'layers')),
    scratch: work,
  }
  const tell = (warning: string | undefined): void => {
    if (warning !== undefined) host.log.warning(warning)
  }
  let image = layeredOf(source)
  let tree: DirectoryTree | undefined
  const results: EngineResult[] = []
  const applied: AppliedDockerfile[] = []
  const offer = async (): Promise<Reference> => {
    if (results.length === 0 && hasWholeHistory(image.config))
      return await served.offer(source.store, source.descriptor.digest)
    const current = writeImage({ ...image, config: withHistory(image) })
    return await served.offer(current.store, current.manifest.descriptor.digest)
  }
  for (const dockerfile of dockerfiles) {
    for (const warning of dockerfile.rules.warnings) host.log.warning(`${warning} (${dockerfile.path})`)
    const identity = { buildId: randomUUID(), user: userOf(image.config) }
    for (const { text, endsWithWorkdir } of partsOf(plan.engine, dockerfile, identity.user.user)) {
      const part = { ...dockerfile, text }
      const base = await offer()
      const taken = await whileDoing('applying Dockerfile to image', async () => {
        const request = await requestExtension(settings, part, identity, image.config, base, (message) =>
          host.log.warning(`${dockerfile.path}: ${message}`),
        )
        const result = await buildWith(plan.engine, request, inputs, host, stores)
        results.push(result)
        return await takeOver(image, tree, result.layout, part, applying)
      })
      ;({ image, tree } = endsWithWorkdir ? await addWorkdir(taken, part, applying) : taken)
    }
    const done = { path: dockerfile.path, config: image.config }
    tell(describeRoot(done, applied.at(-1)?.config ?? source.config))
    applied.push(done)
  }
  const config = finishConfig(plan.kind, image.config, applied, plan.output.kind)
  tell(describeFinalUser(source.config, config))
  return { image: { ...image, config }, results }
}

/**
 * buildah makes the directory of a WORKDIR with the next RUN only, and for that one's user; BuildKit gives all that it
 * makes on the way there to the user too. So both get a Dockerfile in parts, the next on the corrected image.
 */
const partsOf = (engine: EngineName, { text }: ExtensionDockerfile, user: string): readonly DockerfilePart[] => {
  switch (engine) {
    case 'kaniko':
      return [{ text, endsWithWorkdir: false }]
    case 'buildah':
      return splitAtWorkdirs(text, user, () => true)
    case 'buildkit':
      return splitAtWorkdirs(text, user, (current) => !/^(?:root|0|)(?::|$)/.test(current))
  }
}

/** An engine's base has to say of each layer where it came from, and nothing else: buildah counts them. */
const withHistory = ({ config }: LayeredImage): LayeredImage['config'] => ({
  ...config,
  history: normaliseHistory(config).map((entry) => ({ created_by: '', ...entry })),
})
