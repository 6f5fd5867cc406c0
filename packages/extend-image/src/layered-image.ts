// An image as layers that lie in several stores, with a config that is still to be written.
import {
  type Descriptor,
  type Digest,
  digestOf,
  formatPlatform,
  type ImageConfig,
  type Manifest,
  type ManifestContent,
  mediaTypes,
  type Platform,
  platformOf,
  StoreError,
  type StoreReader,
} from '@polyarch/oci'

/** A layer and where its bytes are. */
export interface ImageLayer {
  readonly descriptor: Descriptor
  readonly store: StoreReader
}

/** An image that need not be anywhere as a whole. */
export interface LayeredImage {
  /** The manifest that its own is made from: its type and annotations are kept. */
  readonly base: Manifest
  readonly config: ImageConfig
  readonly layers: readonly ImageLayer[]
}

/** The media type of a gzip layer in an image like the base. */
export const layerTypeOf = (base: Manifest): string =>
  base.mediaType === mediaTypes.dockerManifest
    ? 'application/vnd.docker.image.rootfs.diff.tar.gzip'
    : 'application/vnd.oci.image.layer.v1.tar+gzip'

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

/** The image with its manifest and config as bytes, as a store of nothing else. */
export interface WrittenImage {
  readonly manifest: ManifestContent
  readonly config: Descriptor
  readonly platform: Platform
  readonly layers: readonly ImageLayer[]
  readonly store: StoreReader
}

/** Writes manifest and config. The same image gives the same bytes. */
export const writeImage = ({ base, config, layers }: LayeredImage): WrittenImage => {
  const configBytes = encode(config)
  const configDescriptor: Descriptor = {
    mediaType: base.config.mediaType,
    digest: digestOf(configBytes),
    size: configBytes.length,
  }
  const { annotations } = base
  const bytes = encode({
    schemaVersion: 2,
    mediaType: base.mediaType,
    config: configDescriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    ...(annotations === undefined ? {} : { annotations }),
  } satisfies Manifest)
  const platform = platformOf(config)
  const descriptor: Descriptor = { mediaType: base.mediaType, digest: digestOf(bytes), size: bytes.length, platform }
  const manifest: ManifestContent = { bytes, descriptor }
  const store = openImageStore(manifest, configDescriptor, configBytes, layers)
  return { manifest, config: configDescriptor, platform, layers, store }
}

const openImageStore = (
  manifest: ManifestContent,
  config: Descriptor,
  configBytes: Uint8Array,
  layers: readonly ImageLayer[],
): StoreReader => {
  const location = `extended ${formatPlatform(manifest.descriptor.platform as Platform)} image`
  const blobs = new Map<Digest, ImageLayer>(layers.map((layer) => [layer.descriptor.digest, layer]))
  const store: StoreReader = {
    location,
    resolveManifest: async (reference) => (await store.getManifest(reference)).descriptor,
    getManifest: (reference) =>
      reference === manifest.descriptor.digest
        ? Promise.resolve(manifest)
        : Promise.reject(new StoreError('MANIFEST_UNKNOWN', `${location} has no ${reference}`)),
    resolveBlob: (digest) =>
      Promise.resolve(digest === config.digest ? config.size : blobs.get(digest)?.descriptor.size),
    async *getBlob(descriptor, start = 0) {
      if (descriptor.digest === config.digest) {
        yield configBytes.subarray(start)
        return
      }
      const layer = blobs.get(descriptor.digest)
      if (layer === undefined) throw new StoreError('BLOB_UNKNOWN', `${location} has no ${descriptor.digest}`)
      yield* layer.store.getBlob(layer.descriptor, start)
    },
    getSmallBlob: async (digest, limit) => {
      if (digest === config.digest) return configBytes
      const layer = blobs.get(digest)
      if (layer === undefined) throw new StoreError('BLOB_UNKNOWN', `${location} has no ${digest}`)
      return await layer.store.getSmallBlob(digest, limit)
    },
    listTags: () => Promise.resolve([]),
    listReferrers: () => Promise.resolve([]),
  }
  return store
}
