// One repository that gets the image: first the children, then the index, at last the tags.
import {
  type BlobTransfers,
  copyManifest,
  type Descriptor,
  forEachParallel,
  type ManifestContent,
  parseStoreLocation,
  type Repository,
  type Store,
  type StoreReader,
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

/** The repository, if blobs can be mounted from it: it is of the same registry. */
const mountable = (source: string, destination: string): readonly Repository[] => {
  const [from, to] = [parseStoreLocation(source), parseStoreLocation(destination)]
  if (from.kind !== 'registry' || to.kind !== 'registry') return []
  return from.repository.host === to.repository.host && from.repository.name !== to.repository.name
    ? [from.repository]
    : []
}

/** Copies each child with its attestations from its store, or from the one given. */
export const copyChildren = async (
  children: readonly Child[],
  { repository, store }: Destination,
  from?: StoreReader,
): Promise<void> => {
  const copies = children.flatMap((child) =>
    [child.descriptor, ...child.attestations].map((descriptor): readonly [StoreReader, Descriptor] => [
      from ?? child.source,
      descriptor,
    ]),
  )
  const mountFrom = (source: StoreReader) => mountable(source.location, repository)
  const transfers: BlobTransfers = new Map()
  await forEachParallel(copies, parallelChildren, async ([source, descriptor]) => {
    await copyManifest(source, store, descriptor, { mountFrom: mountFrom(source), transfers })
  })
}

/**
 * Writes the index under its digest and reads it back.
 * @throws {Failure} verification, where it comes back as something else.
 */
export const writeIndex = async ({ store }: Destination, index: ManifestContent): Promise<void> => {
  const { digest, size } = index.descriptor
  await store.pushManifest(index)
  const found = await store.resolveManifest(digest)
  if (found.digest !== digest || found.size !== size)
    throw verificationFailure(
      `${store.location}@${digest} reads back as ${found.digest} with ${found.size} bytes, not ${size}`,
    )
}
