// Makes an OCI image layout of the blobs that buildah exported.
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { normaliseConfig, toOciManifest } from '@polyarch/engine'
import {
  buildIndex,
  type Descriptor,
  digestOf,
  hexOf,
  type ImageConfig,
  type Manifest,
  mediaTypes,
  parseImageConfig,
  parseManifest,
} from '@polyarch/oci'

/** buildah notes which image a step started from: the base, or an intermediate one that nobody else has. */
const ownComment = /^FROM \S+$/

const withoutOwnComments = (config: ImageConfig): ImageConfig => {
  const { history } = config as { readonly history?: readonly Readonly<Record<string, unknown>>[] }
  if (!Array.isArray(history)) return config
  return {
    ...config,
    history: history.map(({ comment, ...entry }) =>
      typeof comment === 'string' && !ownComment.test(comment) ? { ...entry, comment } : entry,
    ),
  }
}

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

/** Where the blobs of a layout go: buildah's `dir:` transport names its files as a layout does. */
export const blobDirectory = (layout: string): string => join(layout, 'blobs', 'sha256')

/**
 * Turns what lies in the layout's blob directory into a layout of one OCI image: manifest and config are rewritten,
 * layers stay as they are.
 * @throws {Failure} verification, when manifest or config are none.
 */
export const writeLayout = async (layout: string, annotations: Readonly<Record<string, string>>): Promise<void> => {
  const blobs = blobDirectory(layout)
  const exported = parseManifest(await readFile(join(blobs, 'manifest.json')))
  const put = async (bytes: Uint8Array, mediaType: string): Promise<Descriptor> => {
    const digest = digestOf(bytes)
    const file = join(blobs, hexOf(digest))
    await writeFile(`${file}.new`, bytes)
    await rename(`${file}.new`, file)
    return { mediaType, digest, size: bytes.length }
  }
  const config = parseImageConfig(await readFile(join(blobs, hexOf(exported.config.digest))))
  for (const name of ['manifest.json', 'version', hexOf(exported.config.digest)])
    await rm(join(blobs, name), { force: true })
  const { layers } = toOciManifest(exported)
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: await put(encode(normaliseConfig(withoutOwnComments(config))), mediaTypes.ociConfig),
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  }
  const { digest, size } = await put(encode(manifest), mediaTypes.ociManifest)
  const index = buildIndex([{ mediaType: mediaTypes.ociManifest, digest, size }])
  await writeFile(join(layout, 'index.json'), index.bytes)
  await writeFile(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
}
