// Applies the Dockerfiles of extensions, each to what the one before left.
import { join } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import type { EngineResult } from '@polyarch/engine'
import { openLayout } from '@polyarch/layout'
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
import { type RequestSource, requestExtension } from './extension-request.ts'
import type { ExtensionDockerfile } from './generated.ts'
import { hasWholeHistory, type SourceImage } from './image-source.ts'
import { type LayeredImage, writeImage } from './layered-image.ts'
import { whileDoing } from './lifecycle-failure.ts'
import { serveImages } from './served-images.ts'
import { takeOver } from './taken-image.ts'

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
  for (const dockerfile of dockerfiles) {
    for (const warning of dockerfile.rules.warnings) host.log.warning(`${warning} (${dockerfile.path})`)
    const isUntouched = applied.length === 0 && hasWholeHistory(image.config)
    const current = isUntouched ? undefined : writeImage({ ...image, config: withHistory(image) })
    const base = await served.offer(
      current?.store ?? source.store,
      current?.manifest.descriptor.digest ?? source.descriptor.digest,
    )
    ;({ image, tree } = await whileDoing('applying Dockerfile to image', async () => {
      const request = await requestExtension(settings, dockerfile, image.config, base, (message) =>
        host.log.warning(`${dockerfile.path}: ${message}`),
      )
      const result = await buildWith(plan.engine, request, inputs, host, stores)
      results.push(result)
      return await takeOver(image, tree, result.layout, dockerfile, applying)
    }))
    const done = { path: dockerfile.path, config: image.config }
    tell(describeRoot(done, applied.at(-1)?.config ?? source.config))
    applied.push(done)
  }
  const config = finishConfig(plan.kind, image.config, applied, plan.output.kind)
  tell(describeFinalUser(source.config, config))
  return { image: { ...image, config }, results }
}

/** An engine's base has to say of each layer where it came from, and nothing else: buildah counts them. */
const withHistory = ({ config }: LayeredImage): LayeredImage['config'] => ({
  ...config,
  history: normaliseHistory(config).map((entry) => ({ created_by: '', ...entry })),
})
