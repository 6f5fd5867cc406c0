// The manifests of a layout: blobs like the others, that name more content.
import {
  blobsOf,
  createVerifier,
  type Descriptor,
  type Digest,
  Failure,
  isIndexType,
  type ManifestContent,
  manifestSizeLimit,
  mediaTypeOf,
  parseIndex,
  StoreError,
  verificationFailure,
} from '@polyarch/oci'
import { blobFile } from './blobs.ts'
import { pathOf, readFile } from './layout-files.ts'

/**
 * The content that must be there before the manifest that names it; foreign layers live elsewhere.
 * @throws {Failure} verification, naming the field that is wrong.
 */
export const contentOf = (content: ManifestContent): readonly Descriptor[] =>
  isIndexType(mediaTypeOf(content.bytes)) ? parseIndex(content.bytes).manifests : blobsOf(content)

/**
 * The manifest with this digest; undefined where there is no such blob.
 * @throws {StoreError} DIGEST_INVALID when the file's bytes are others; {Failure} verification, when it is no manifest.
 */
export const readManifest = async (directory: string, digest: Digest): Promise<ManifestContent | undefined> => {
  const file = blobFile(directory, digest)
  const bytes = await readFile(file, manifestSizeLimit)
  if (bytes === undefined) return undefined
  const verifier = createVerifier(digest)
  verifier.update(bytes)
  if (!verifier.matches()) throw new StoreError('DIGEST_INVALID', `${pathOf(file)} has the digest ${verifier.actual()}`)
  try {
    const content = { bytes, descriptor: { mediaType: mediaTypeOf(bytes), digest, size: bytes.length } }
    contentOf(content)
    return content
  } catch (cause) {
    throw verificationFailure(`${pathOf(file)}: ${(cause as Error).message}`, { cause })
  }
}

/** What is read; undefined where it is damaged, of which `onDamaged` is told. */
export const unlessDamaged = async <T>(
  reading: Promise<T>,
  onDamaged: (failure: Failure) => void = () => undefined,
): Promise<T | undefined> => {
  try {
    return await reading
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    onDamaged(error)
    return undefined
  }
}
