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
import {
  type LayoutFile,
  lendChunks,
  lendSmallFile,
  type OpenFile,
  openFile,
  pathOf,
  readChunks,
  sizeOfFile,
  smallSize,
} from './layout-files.ts'

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

/** The size of the blob in bytes, undefined where it is not there. Folders that are in `checked` are not looked at again. */
export const sizeOfBlob = async (
  directory: string,
  digest: Digest,
  checked: Set<string>,
): Promise<number | undefined> => await sizeOfFile(blobFile(directory, digest), checked)

const missing = (path: string): StoreError => new StoreError('BLOB_UNKNOWN', `${path} is missing`)

const otherSize = (path: string, actual: number, stated: number): StoreError =>
  new StoreError('SIZE_INVALID', `${path} has ${actual} bytes: its descriptor says ${stated}`)

/** The blob's file, opened; throws where it is missing or of another size. */
const openBlob = async (directory: string, { digest, size }: Descriptor, checked?: Set<string>): Promise<OpenFile> => {
  const file = blobFile(directory, digest)
  const opened = await openFile(file, checked)
  if (opened === undefined) throw missing(pathOf(file))
  if (opened.size === size) return opened
  await opened[Symbol.asyncDispose]()
  throw otherSize(pathOf(file), opened.size, size)
}

/** The blob's bytes from `start` on; read from the beginning they are checked to the end. */
export async function* readBlob(directory: string, descriptor: Descriptor, start = 0): AsyncGenerator<Uint8Array> {
  await using opened = await openBlob(directory, descriptor)
  const chunks = readChunks(opened, start)
  yield* start === 0 ? checkChunks(chunks, descriptor, pathOf(blobFile(directory, descriptor.digest))) : chunks
}

/** All bytes of a blob of at most `limit` bytes, held against its digest. */
export const readSmallBlob = async (directory: string, digest: Digest, limit: number): Promise<Uint8Array> => {
  const size = await sizeOfBlob(directory, digest, new Set())
  const path = pathOf(blobFile(directory, digest))
  if (size === undefined) throw missing(path)
  if (size > limit) throw new StoreError('SIZE_INVALID', `${path} has ${size} bytes: more than the limit of ${limit}`)
  const chunks: Uint8Array[] = []
  for await (const chunk of readBlob(directory, { mediaType: 'application/octet-stream', digest, size }))
    chunks.push(chunk)
  return Buffer.concat(chunks)
}

/**
 * The blob's bytes from `start` on, unchecked, in chunks that are good until the next one is asked for.
 * Folders that are in `checked` are not looked at again.
 */
export async function* lendBlob(
  directory: string,
  descriptor: Descriptor,
  start: number,
  checked: Set<string>,
): AsyncGenerator<Uint8Array> {
  const { digest, size } = descriptor
  if (start > 0 || size > smallSize) {
    await using opened = await openBlob(directory, descriptor, checked)
    yield* lendChunks(opened, start)
    return
  }
  const file = blobFile(directory, digest)
  let found = false
  for await (const lent of lendSmallFile(file, checked)) {
    found = true
    if (lent.size !== size) throw otherSize(pathOf(file), lent.size, size)
    if (size > 0) yield lent.bytes
  }
  if (!found) throw missing(pathOf(file))
}
