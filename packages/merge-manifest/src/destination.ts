// One repository that gets the image: first the children, then the index, at last the tags.
import {
  type BlobTransfers,
  copyManifest,
  copyReferrers,
  type Descriptor,
  type Digest,
  findManifest,
  forEachParallel,
  type ManifestContent,
  mountable,
  parseStoreLocation,
  type Repository,
  type Store,
  type StoreReader,
  unlessDenied,
  verificationFailure,
} from '@polyarch/oci'
import type { Child } from './children.ts'

export interface Destination {
  /** As the plan or the user names it. */
  readonly repository: string
  readonly store: Store
}

/** Children under way at once; each of them brings its own blobs in parallel. */
const parallelChildren = 32

/** The source, if blobs can be mounted from it. */
const holdersFor = (source: StoreReader, { repository }: Destination): readonly Repository[] =>
  mountable(parseStoreLocation(source.location), parseStoreLocation(repository))

/** The store, except that manifests which were read before are not read again. */
const rememberManifests = (store: StoreReader, children: readonly Child[]): StoreReader => {
  const known = new Map(
    children.flatMap(({ manifests }) => manifests.map((content) => [content.descriptor.digest as string, content])),
  )
  return { ...store, getManifest: async (reference) => known.get(reference) ?? (await store.getManifest(reference)) }
}

/** Those of the digests that the store is known to lack. */
export const findAbsent = async (store: StoreReader, digests: readonly Digest[]): Promise<Set<Digest>> => {
  const absent = new Set<Digest>()
  await forEachParallel(digests, parallelChildren * 4, async (digest) => {
    const isAbsent = findManifest(store, digest).then((found) => found === undefined)
    if (await unlessDenied(isAbsent)) absent.add(digest)
  })
  return absent
}

/** Children on their way to another repository. */
export interface ChildrenCopy {
  readonly children: readonly Child[]
  /** A store that has all of them. */
  readonly source: StoreReader
  readonly destination: Destination
  /** What the destination is known to lack. */
  readonly absent?: ReadonlySet<Digest> | undefined
}

const descriptorsOf = (children: readonly Child[]): Descriptor[] =>
  children.flatMap((child) => [child.descriptor, ...child.attestations])

/** Copies each child with its attestations. */
export const copyChildren = async ({ children, source, destination, absent }: ChildrenCopy): Promise<void> => {
  const { store } = destination
  const known = rememberManifests(source, children)
  const heldBy = holdersFor(source, destination)
  const transfers: BlobTransfers = new Map()
  await forEachParallel(descriptorsOf(children), parallelChildren, async (descriptor) => {
    const options = { heldBy, transfers, absent: absent?.has(descriptor.digest) ?? false }
    await copyManifest(known, store, descriptor, options)
  })
}

/** Copies what refers to the children, their attestations and, where given, the index: signatures, SBOMs. */
export const copyAllReferrers = async (
  { children, source, destination, index }: ChildrenCopy & { readonly index?: Digest },
  onSkipped: (line: string) => void,
): Promise<void> => {
  const subjects = [...(index === undefined ? [] : [index]), ...descriptorsOf(children).map(({ digest }) => digest)]
  const heldBy = holdersFor(source, destination)
  await copyReferrers(source, destination.store, subjects, { heldBy, onSkipped })
}

/** Copies the children that were built elsewhere to where the others are, with what refers to them. */
export const copyPrebuilt = async (
  children: readonly Child[],
  destination: Destination,
  onSkipped: (line: string) => void,
): Promise<void> => {
  const bySource = Map.groupBy(
    children.filter(({ prebuilt, source }) => prebuilt && source.location !== destination.store.location),
    ({ source }) => source.location,
  )
  await Promise.all(
    [...bySource.values()].map(async (group) => {
      const copy = { children: group, source: group[0]!.source, destination }
      await Promise.all([copyChildren(copy), copyAllReferrers(copy, onSkipped)])
    }),
  )
}

/**
 * Writes the index under its digest and reads it back.
 * @throws {Failure} verification, where it comes back as something else.
 */
export const writeIndex = async ({ store }: Destination, index: ManifestContent): Promise<void> => {
  const { digest, size } = index.descriptor
  const [found] = await store.placeManifest(index, [digest])
  if (found?.digest !== digest || found.size !== size)
    throw verificationFailure(
      found === undefined
        ? `${store.location}@${digest} was written, but is not there`
        : `${store.location}@${digest} reads back as ${found.digest} with ${found.size} bytes, not ${size}`,
    )
}
