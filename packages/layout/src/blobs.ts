// The blobs of a layout: blobs/<algorithm>/<hex>, checked against their descriptors as they stream.
import {
  algorithmOf,
  createVerifier,
  type Descriptor,
  type Digest,
  hexOf,
  parseDigest,
  StoreError,
} from '@polyarch/oci'
import { type LayoutFile, lendChunks, type OpenFile, openFile, pathOf, readChunks } from './layout-files.ts'

/** Where the blob lies. Only a digest that was parsed names a file. */
export const blobFile = (directory: string, digest: Digest): LayoutFile => {
  const parsed = parseDigest(digest)
  return { directory, folders: ['blobs', algorithmOf(parsed)], name: hexOf(parsed) }
}

/** The chunks as they come; after the last one it throws where size or digest are not the descriptor's. */
export async function* checkChunks(
  chunks: AsyncIterable<Uint8Array>,
  descriptor: Descriptor,
  origin: string,
): AsyncGenerator<Uint8Array> {
  const { digest, size } = descriptor
  const verifier = createVerifier(digest)
  let seen = 0
  for await (const chunk of chunks) {
    seen += chunk.length
    if (seen > size) throw new StoreError('SIZE_INVALID', `${origin} has more than the ${size} bytes of ${digest}`)
    verifier.update(chunk)
    yield chunk
  }
  if (seen < size) throw new StoreError('SIZE_INVALID', `${origin} has ${seen} bytes: ${digest} has ${size}`)
  if (!verifier.matches())
    throw new StoreError('DIGEST_INVALID', `${origin} has the digest ${verifier.actual()}, not ${digest}`)
}

/** The size of the blob in bytes, undefined where it is not there. */
export const sizeOfBlob = async (directory: string, digest: Digest): Promise<number | undefined> => {
  await using opened = await openFile(blobFile(directory, digest))
  return opened?.size
}

/** The blob's file, opened; throws where it is missing or of another size. */
const openBlob = async (directory: string, { digest, size }: Descriptor): Promise<OpenFile> => {
  const file = blobFile(directory, digest)
  const opened = await openFile(file)
  if (opened === undefined) throw new StoreError('BLOB_UNKNOWN', `${pathOf(file)} is missing`)
  if (opened.size === size) return opened
  await opened[Symbol.asyncDispose]()
  throw new StoreError('SIZE_INVALID', `${pathOf(file)} has ${opened.size} bytes: its descriptor says ${size}`)
}

/** The blob's bytes from `start` on; read from the beginning they are checked to the end. */
export async function* readBlob(directory: string, descriptor: Descriptor, start = 0): AsyncGenerator<Uint8Array> {
  await using opened = await openBlob(directory, descriptor)
  const chunks = readChunks(opened, start)
  yield* start === 0 ? checkChunks(chunks, descriptor, pathOf(blobFile(directory, descriptor.digest))) : chunks
}

/** The blob's bytes from `start` on, unchecked, in chunks that are good until the next one is asked for. */
export async function* lendBlob(directory: string, descriptor: Descriptor, start = 0): AsyncGenerator<Uint8Array> {
  await using opened = await openBlob(directory, descriptor)
  yield* lendChunks(opened, start)
}
