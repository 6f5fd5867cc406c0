// Small artifacts: one blob under a tag, of a type of Polyarch's own, next to images (image-spec manifest.md).
import {
  type BlobContent,
  type Descriptor,
  digestOf,
  isStoreError,
  type Manifest,
  mediaTypes,
  parseManifest,
  type StoreReader,
  type StoreWriter,
  verificationFailure,
} from '@polyarch/oci'

const describeBytes = (mediaType: string, bytes: Uint8Array): Descriptor => ({
  mediaType,
  digest: digestOf(bytes),
  size: bytes.length,
})

const contentOf = (origin: string, bytes: Uint8Array): BlobContent => ({
  origin,
  open: async function* (start = 0) {
    yield bytes.subarray(start)
  },
})

/**
 * The blob of the artifact under the tag; undefined where there is none.
 * @throws {Failure} verification, when it is another type's, or has more than `limit` bytes; {StoreError} the store's own.
 */
export const readArtifact = async (
  store: StoreReader,
  tag: string,
  { artifactType, limit }: { readonly artifactType: string; readonly limit: number },
): Promise<Uint8Array | undefined> => {
  let bytes: Uint8Array
  try {
    bytes = (await store.getManifest(tag)).bytes
  } catch (error) {
    if (isStoreError(error, 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN')) return undefined
    throw error
  }
  const manifest = parseManifest(bytes)
  const [layer, ...others] = manifest.layers
  if (manifest.artifactType !== artifactType || layer === undefined || others.length > 0)
    throw verificationFailure(`${store.location}:${tag} is not one blob of type ${artifactType}`)
  return await store.getSmallBlob(layer.digest, limit)
}

/**
 * Stores the bytes as the artifact under the tag, in the place of the one that was there.
 * @throws {StoreError} the store's own.
 */
export const writeArtifact = async (
  store: StoreWriter,
  tag: string,
  artifactType: string,
  bytes: Uint8Array,
): Promise<void> => {
  const empty = Buffer.from('{}')
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType,
    config: describeBytes(mediaTypes.ociEmpty, empty),
    layers: [describeBytes(artifactType, bytes)],
  }
  for (const [descriptor, content] of [
    [manifest.config, empty],
    [manifest.layers[0]!, bytes],
  ] as const)
    await store.pushBlob(descriptor, contentOf(artifactType, content))
  const encoded = Buffer.from(JSON.stringify(manifest))
  await store.pushManifest({ bytes: encoded, descriptor: describeBytes(manifest.mediaType, encoded) }, tag)
}
