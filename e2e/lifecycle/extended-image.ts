// Reads what an extender leaves for the exporter: a layout with manifest, config, and only the layers that are new.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { BuildScene } from './build-scene.ts'
import type { ImageConfig, PulledImage } from './pulled-image.ts'

interface Listed {
  readonly digest: string
}

export interface ExtendedImage extends PulledImage {
  /** The blobs that are there, by what they are. */
  readonly blobs: readonly string[]
}

const readJson = async <T>(path: string): Promise<T> => JSON.parse(await readFile(path, 'utf8')) as T

/**
 * The extended run image of a build, completed by the layers of its base.
 * @throws where there is not exactly one, or a layer is neither there nor the base's.
 */
export const readExtended = async ({ layers }: BuildScene, base: PulledImage): Promise<ExtendedImage> => {
  const [directory = '', ...others] = await readdir(join(layers, 'extended/run'))
  if (directory === '' || others.length > 0) throw new Error(`extended/run has ${[directory, ...others].join(', ')}`)
  const layout = join(layers, 'extended/run', directory)
  const blob = ({ digest }: Listed): string => join(layout, 'blobs', digest.replace(':', '/'))
  const { manifests } = await readJson<{ readonly manifests: readonly Listed[] }>(join(layout, 'index.json'))
  const [top, ...more] = manifests
  if (top === undefined || more.length > 0) throw new Error(`index.json has ${manifests.length} manifests`)
  const manifest = await readJson<{ readonly config: Listed; readonly layers: readonly Listed[] }>(blob(top))
  const config = await readJson<ImageConfig>(blob(manifest.config))
  const added = manifest.layers.slice(base.layers.length)
  const names = new Map([
    [top.digest, 'manifest'],
    [manifest.config.digest, 'config'],
    ...added.map(({ digest }, position): [string, string] => [digest, `layer ${position}`]),
  ])
  const present = await readdir(join(layout, 'blobs/sha256'))
  return {
    digest: directory,
    config,
    layers: [
      ...base.layers,
      ...(await Promise.all(added.map(async (layer) => gunzipSync(await readFile(blob(layer)))))),
    ],
    blobs: present.map((name) => names.get(`sha256:${name}`) ?? `unknown ${name}`).toSorted(),
  }
}
