// The lifecycle's own way: its extender runs in containers of the images that it extends, and builds in one of them.
import type { BuildScene } from './build-scene.ts'
import { type PulledImage, pullImage } from './pulled-image.ts'

/** The images of a build as digests: what analyzed.toml says. */
export interface BaseImages {
  readonly buildImage: string
  readonly runImage: string
}

/** Exports the application and pulls it. @throws when the exporter fails. */
export const exportApp = async (scene: BuildScene, buildImage: string, appImage: string): Promise<PulledImage> => {
  await scene.succeed('exporter', buildImage, appImage)
  return await pullImage(appImage)
}

/** Extends, builds and exports with nothing but the lifecycle. */
export const buildWithLifecycle = async (
  scene: BuildScene,
  { buildImage, runImage }: BaseImages,
  appImage: string,
): Promise<PulledImage> => {
  await scene.succeed('extender', runImage, '-kind', 'run')
  await scene.succeed('extender', buildImage, '-kind', 'build')
  return await exportApp(scene, buildImage, appImage)
}
