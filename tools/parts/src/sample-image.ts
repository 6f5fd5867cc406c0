// Small images made of bytes: content for tests of stores, no engine needed.
import {
  type BlobContent,
  buildIndex,
  type Descriptor,
  digestOf,
  type ManifestContent,
  mediaTypes,
  type Platform,
  type StoreWriter,
} from '@polyarch/oci'

export interface SampleBlob {
  readonly descriptor: Descriptor
  readonly bytes: Uint8Array
}

export interface SampleImage {
  readonly manifest: ManifestContent
  readonly config: SampleBlob
  readonly layers: readonly SampleBlob[]
}

const encode = (value: string | Uint8Array): Uint8Array =>
  typeof value === 'string' ? new TextEncoder().encode(value) : value

/** The bytes with the descriptor that names them. */
export const sampleBlob = (content: string | Uint8Array, mediaType = 'application/octet-stream'): SampleBlob => {
  const bytes = encode(content)
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } }
}

/** The bytes as a blob's content that can be opened anywhere and again, in chunks of 64 KiB. */
export const sampleContent = (bytes: Uint8Array, origin = 'sample'): BlobContent => ({
  origin,
  async *open(start = 0) {
    for (let at = start; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
  },
})

/** The JSON value as manifest bytes with the descriptor that names them. */
export const sampleManifest = (value: { readonly mediaType: string }, platform?: Platform): ManifestContent => {
  const { bytes, descriptor } = sampleBlob(JSON.stringify(value), value.mediaType)
  return { bytes, descriptor: { ...descriptor, ...(platform === undefined ? {} : { platform }) } }
}

/** An image of the platform whose layers hold the given bytes; equal arguments give equal digests. */
export const sampleImage = (
  platform: Platform,
  layers: readonly (string | Uint8Array)[] = [`layer of ${platform.architecture}`],
  options: { readonly subject?: Descriptor; readonly annotations?: Readonly<Record<string, string>> } = {},
): SampleImage => {
  const blobs = layers.map((layer) => sampleBlob(layer, 'application/vnd.oci.image.layer.v1.tar'))
  const rootfs = { type: 'layers', diff_ids: blobs.map((blob) => blob.descriptor.digest) }
  const config = sampleBlob(JSON.stringify({ ...platform, config: {}, rootfs }), mediaTypes.ociConfig)
  const manifest = sampleManifest(
    {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: config.descriptor,
      layers: blobs.map((blob) => blob.descriptor),
      ...options,
    } as { readonly mediaType: string },
    platform,
  )
  return { manifest, config, layers: blobs }
}

/** The index over the images. */
export const sampleIndex = (images: readonly SampleImage[]): ManifestContent =>
  buildIndex(images.map((image) => image.manifest.descriptor))

/** Uploads the image's blobs, then its manifest. */
export const pushSampleImage = async (store: StoreWriter, image: SampleImage, tag?: string): Promise<void> => {
  for (const blob of [image.config, ...image.layers]) await store.pushBlob(blob.descriptor, sampleContent(blob.bytes))
  await store.pushManifest(image.manifest, tag)
}
