// Moves a manifest with everything it names from one store to another, in as few round trips as the stores allow.
import { createVerifier, type Digest } from './digest.ts'
import { verificationFailure } from './failure.ts'
import type { ManifestContent } from './image-index.ts'
import { type Descriptor, deepestIndex, mostManifests, parseIndex, parseManifest } from './manifest.ts'
import { isIndexType, isManifestType, isNonDistributable } from './media-types.ts'
import type { Repository } from './reference.ts'
import { isStoreError, type OnBytes, type Store, type StoreError, type StoreReader } from './store.ts'

export interface CopyOptions {
  /** Repositories of the destination's host that may have the blobs already: mounted instead of uploaded. */
  readonly mountFrom?: readonly Repository[]
  /** Repositories of the destination's host that have the blobs: the source, where it is one. */
  readonly heldBy?: readonly Repository[]
  /** The most blobs under way at once; the destination may hold them back further. Default 64. */
  readonly concurrency?: number
  readonly onBytes?: OnBytes
  /** The destination is known to lack the manifest: it is not looked up, and what can be mounted is mounted at once. */
  readonly absent?: boolean
  /** For copies side by side to one destination: what they share goes through once. Default: nothing is shared. */
  readonly transfers?: BlobTransfers
}

/** The blobs that are on their way to a destination or have arrived there, by digest. */
export type BlobTransfers = Map<Digest, Promise<unknown>>

/** What a copy did: each distinct blob counts once. */
export interface CopyResult {
  readonly uploaded: number
  readonly uploadedBytes: number
  readonly mounted: number
  /** Whether the destination had the manifest already, so that nothing else was looked at. */
  readonly unchanged: boolean
}

/**
 * Runs the work over the items, at most `limit` at once. The first failure is what it ends with, at once: nothing else is
 * begun, and what is under way is the caller's to end, whose stores it uses.
 */
export const forEachParallel = async <T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> => {
  const queue = items[Symbol.iterator]()
  let failed = false
  const worker = async (): Promise<void> => {
    for (let next = queue.next(); !next.done && !failed; next = queue.next()) {
      try {
        await work(next.value)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.max(1, limit) }, worker))
}

/** Lets so many works run at once, however many parallel copies they belong to. */
type Gate = <T>(work: () => Promise<T>) => Promise<T>

const createGate = (limit: number): Gate => {
  const waiting: (() => void)[] = []
  let free = Math.max(1, limit)
  return async (work) => {
    if (free > 0) free -= 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free += 1
    }
  }
}

/** What the copies of an index's children share. */
interface CopyContext extends CopyOptions {
  readonly concurrency: number
  readonly gate: Gate
  /** The manifests that were met: an index that names one more than once does not multiply the work. */
  readonly manifests: Map<Digest, Promise<CopyResult>>
}

const uniqueByDigest = (descriptors: readonly Descriptor[]): Descriptor[] => [
  ...new Map(descriptors.map((descriptor) => [descriptor.digest, descriptor])).values(),
]

const isDistributed = ({ mediaType }: Descriptor): boolean => !isNonDistributable(mediaType)

/** The blobs that a manifest names and a registry keeps: the config and the distributable layers, each once. */
export const blobsOf = (content: ManifestContent): Descriptor[] => {
  const manifest = parseManifest(content.bytes)
  return uniqueByDigest([manifest.config, ...manifest.layers.filter(isDistributed)])
}

/** The descriptor behind a tag or digest, or undefined where the store has no such manifest. */
export const findManifest = async (
  store: Pick<StoreReader, 'resolveManifest'>,
  reference: string,
): Promise<Descriptor | undefined> => {
  try {
    return await store.resolveManifest(reference)
  } catch (error) {
    if (isStoreError(error, 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN')) return undefined
    throw error
  }
}

/**
 * What the look-up finds; undefined also where looking is denied: some registries deny what is not there. The write that
 * follows has the last word.
 */
export const unlessDenied = async <T>(lookUp: Promise<T>): Promise<T | undefined> => {
  try {
    return await lookUp
  } catch (error) {
    if (isStoreError(error, 'UNAUTHORIZED', 'DENIED')) return undefined
    throw error
  }
}

/**
 * Reads the manifest that the descriptor names and holds it against the descriptor.
 * @throws {Failure} verification, when size, digest or media type differ.
 */
export const getManifestExactly = async (store: StoreReader, descriptor: Descriptor): Promise<ManifestContent> => {
  const content = await store.getManifest(descriptor.digest)
  if (content.bytes.length !== descriptor.size)
    throw verificationFailure(
      `${store.location}@${descriptor.digest} has ${content.bytes.length} bytes: its descriptor says ${descriptor.size}`,
    )
  const verifier = createVerifier(descriptor.digest)
  verifier.update(content.bytes)
  if (!verifier.matches())
    throw verificationFailure(`${store.location}@${descriptor.digest} has the digest ${verifier.actual()}`)
  return { bytes: content.bytes, descriptor: { ...descriptor, mediaType: content.descriptor.mediaType } }
}

/** Whether blobs are mounted before the manifest is offered: an offer would be refused, and cost a round trip. */
const mountsFirst = ({ absent = false, mountFrom = [], heldBy = [] }: CopyOptions): boolean =>
  absent && mountFrom.length + heldBy.length > 0

const uploadBlobs = async (
  source: StoreReader,
  destination: Store,
  blobs: readonly Descriptor[],
  options: CopyContext,
): Promise<Pick<CopyResult, 'uploaded' | 'uploadedBytes' | 'mounted'>> => {
  let uploaded = 0
  let uploadedBytes = 0
  let mounted = 0
  const transfer = async (blob: Descriptor): Promise<void> => {
    // Either kind of destination checks what it is given: a digest computed here would be the second.
    const open = (start = 0): AsyncIterable<Uint8Array> => source.lendBlob?.(blob, start) ?? source.getBlob(blob, start)
    const content = { origin: `${source.location}@${blob.digest}`, open }
    const { onBytes, mountFrom, heldBy } = options
    // Without an offer before, the destination has not said that it lacks the blob.
    const mayBePresent = mountsFirst(options)
    const arrival = await destination.pushBlob(blob, content, { onBytes, mountFrom, heldBy, mayBePresent })
    if (arrival === 'mounted') mounted += 1
    if (arrival !== 'uploaded') return
    uploaded += 1
    uploadedBytes += blob.size
  }
  // The largest first: begun last it would be waited for alone.
  const bySize = blobs.toSorted((left, right) => right.size - left.size)
  await forEachParallel(bySize, options.concurrency, async (blob) => {
    const underWay = options.transfers?.get(blob.digest)
    if (underWay) {
      await underWay
      return
    }
    const work = options.gate(() => transfer(blob))
    options.transfers?.set(blob.digest, work)
    await work
  })
  return { uploaded, uploadedBytes, mounted }
}

const lookUpMissing = async (
  destination: Store,
  blobs: readonly Descriptor[],
  options: CopyContext,
): Promise<Descriptor[]> => {
  const missing: Descriptor[] = []
  await forEachParallel(blobs, options.concurrency, async (blob) => {
    const size = await unlessDenied(destination.resolveBlob(blob.digest))
    // What was damaged in a layout is written again; a registry would keep what it has.
    if (size === undefined || (size !== blob.size && destination.holdsWhole !== undefined)) missing.push(blob)
    else if (size !== blob.size)
      throw verificationFailure(
        `${destination.location}@${blob.digest} has ${size} bytes: the manifest says ${blob.size}`,
      )
  })
  return missing
}

/**
 * Sends the manifest first: a store that lists what it lacks saves looking up every blob.
 * Gives the blobs to upload before the manifest is sent again; undefined when it is in and known to be whole.
 */
const offerManifest = async (
  destination: Store,
  content: ManifestContent,
  blobs: readonly Descriptor[],
  options: CopyContext,
): Promise<readonly Descriptor[] | undefined> => {
  try {
    await destination.pushManifest(content)
  } catch (error) {
    if (!isStoreError(error, 'MANIFEST_BLOB_UNKNOWN', 'MANIFEST_INVALID', 'BLOB_UNKNOWN', 'NAME_UNKNOWN', 'UNKNOWN'))
      throw error
    const named = new Set<Digest>(error.missing)
    const missing = blobs.filter((blob) => named.has(blob.digest))
    return missing.length > 0 ? missing : await lookUpMissing(destination, blobs, options)
  }
  if (destination.refusesMissingContent) return undefined
  const missing = await lookUpMissing(destination, blobs, options)
  return missing.length > 0 ? missing : undefined
}

/** How often blobs are looked up again that the destination denies although they were sent. */
const mostDoubts = 3

/** The blobs to send before the next try, of those that the destination says it lacks; throws where trying is over. */
const blobsToSend = async (
  destination: Store,
  refusal: StoreError,
  blobs: readonly Descriptor[],
  sent: ReadonlySet<Digest>,
  doubts: number,
  options: CopyContext,
): Promise<readonly Descriptor[]> => {
  const named = blobs.filter((blob) => refusal.missing.includes(blob.digest))
  // Some registries name only the first blobs that they lack: go on while each round brings new ones.
  const unsent = named.filter((blob) => !sent.has(blob.digest))
  if (unsent.length > 0) return unsent
  if (named.length === 0 || doubts >= mostDoubts) throw refusal
  // Distribution 2.8 rewrites the link of a blob in place when someone else pushes it too: for a moment it is not there.
  const missing = await lookUpMissing(destination, named, options)
  for (const blob of missing) options.transfers?.delete(blob.digest)
  return missing
}

const copyImage = async (
  source: StoreReader,
  destination: Store,
  content: ManifestContent,
  options: CopyContext,
): Promise<CopyResult> => {
  const blobs = blobsOf(content)
  let pending = mountsFirst(options) ? blobs : await offerManifest(destination, content, blobs, options)
  let result = { uploaded: 0, uploadedBytes: 0, mounted: 0 }
  const sent = new Set<Digest>()
  let doubts = 0
  while (pending !== undefined) {
    const done = await uploadBlobs(source, destination, pending, options)
    result = {
      uploaded: result.uploaded + done.uploaded,
      uploadedBytes: result.uploadedBytes + done.uploadedBytes,
      mounted: result.mounted + done.mounted,
    }
    for (const blob of pending) sent.add(blob.digest)
    try {
      await destination.pushManifest(content)
      pending = undefined
    } catch (error) {
      if (!isStoreError(error, 'MANIFEST_BLOB_UNKNOWN')) throw error
      const next: readonly Descriptor[] = await blobsToSend(destination, error, blobs, sent, doubts, options)
      if (next.every((blob) => sent.has(blob.digest))) doubts += 1
      pending = next
    }
  }
  return { ...result, unchanged: false }
}

/** Manifests are small: what limits them is how many requests a store takes at once. */
const parallelChildren = 32

const nothingCopied = { uploaded: 0, uploadedBytes: 0, mounted: 0 }

/** Whether the destination has the manifest with all that it names, as far as it can tell without reading blobs. */
const hasWhole = async (destination: Store, descriptor: Descriptor): Promise<boolean> => {
  if (destination.holdsWhole !== undefined) return await destination.holdsWhole(descriptor)
  return (await unlessDenied(findManifest(destination, descriptor.digest))) !== undefined
}

const copyTree = async (
  source: StoreReader,
  destination: Store,
  descriptor: Descriptor,
  depth: number,
  options: CopyContext,
): Promise<CopyResult> => {
  const isKnownAbsent = depth === 0 && options.absent === true
  if (!isKnownAbsent && (await hasWhole(destination, descriptor))) return { ...nothingCopied, unchanged: true }
  const content = await getManifestExactly(source, descriptor)
  if (!isIndexType(content.descriptor.mediaType)) return copyImage(source, destination, content, options)
  const refuse = (why: string) => verificationFailure(`${source.location}@${descriptor.digest} ${why}`)
  if (depth >= deepestIndex) throw refuse(`is an index inside ${deepestIndex} others`)
  let total = nothingCopied
  const add = (done: typeof nothingCopied): void => {
    total = {
      uploaded: total.uploaded + done.uploaded,
      uploadedBytes: total.uploadedBytes + done.uploadedBytes,
      mounted: total.mounted + done.mounted,
    }
  }
  const { manifests: children } = parseIndex(content.bytes)
  // A type that is not known is no error (image-spec image-index.md): BuildKit lists the layers of its cache.
  const blobs = uniqueByDigest(children.filter(({ mediaType }) => !isManifestType(mediaType))).filter(isDistributed)
  if (blobs.length > 0) {
    const pending = mountsFirst(options) ? blobs : await lookUpMissing(destination, blobs, options)
    add(await uploadBlobs(source, destination, pending, options))
  }
  const manifests = children.filter(({ mediaType }) => isManifestType(mediaType))
  await forEachParallel(manifests, parallelChildren, async (child) => {
    const underWay = options.manifests.get(child.digest)
    if (underWay) {
      await underWay
      return
    }
    if (options.manifests.size >= mostManifests) throw refuse(`leads to more than ${mostManifests} manifests`)
    const work = copyTree(source, destination, child, depth + 1, options)
    options.manifests.set(child.digest, work)
    add(await work)
  })
  await destination.pushManifest(content)
  return { ...total, unchanged: false }
}

/**
 * Copies a manifest and all that it names, content always before what names it; an index with all its children.
 * @throws {StoreError} what either store refuses; {Failure} verification, where the source's content is not what it says.
 */
export const copyManifest = async (
  source: StoreReader,
  destination: Store,
  descriptor: Descriptor,
  options: CopyOptions = {},
): Promise<CopyResult> => {
  const concurrency = options.concurrency ?? 64
  const transfers = options.transfers ?? new Map<Digest, Promise<unknown>>()
  return copyTree(source, destination, descriptor, 0, {
    ...options,
    concurrency,
    transfers,
    gate: createGate(concurrency),
    manifests: new Map(),
  })
}
