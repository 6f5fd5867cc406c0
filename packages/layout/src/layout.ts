// A Store over an OCI image layout directory: the embedded default that needs no server.
import { resolve } from 'node:path'
import {
  createVerifier,
  type Descriptor,
  type Digest,
  Failure,
  findManifest,
  isDigest,
  isManifestType,
  isTag,
  type ManifestContent,
  mediaTypeOf,
  type Store,
  StoreError,
} from '@polyarch/oci'
import { blobFile, checkChunks, lendBlob, readBlob, readSmallBlob, sizeOfBlob } from './blobs.ts'
import { addEntry, findByRefName, refNameOf, removeManifest, removeTag } from './index-entries.ts'
import { pathOf, removeAbandoned, removeFile, replaceFile } from './layout-files.ts'
import { childrenOf, findLayoutIndex, updateLayoutIndex } from './layout-index.ts'
import { contentOf, readManifest, unlessDamaged } from './manifests.ts'
import { createReferrerList } from './referrers.ts'

export interface LayoutOptions {
  /** How the user named the store; default: oci: and the directory. */
  readonly location?: string
  /** Told in one line of each manifest that is damaged and passed over, because nobody asked for it. */
  readonly onUnreadable?: (line: string) => void
}

const checkManifest = (content: ManifestContent): readonly Descriptor[] => {
  const { bytes, descriptor } = content
  const verifier = createVerifier(descriptor.digest)
  verifier.update(bytes)
  if (!verifier.matches())
    throw new StoreError('DIGEST_INVALID', `the manifest has the digest ${verifier.actual()}, not ${descriptor.digest}`)
  try {
    const mediaType = mediaTypeOf(bytes)
    if (mediaType !== descriptor.mediaType)
      throw new StoreError(
        'MANIFEST_INVALID',
        `the manifest is ${mediaType}, its descriptor says ${descriptor.mediaType}`,
      )
    return contentOf(content)
  } catch (error) {
    if (!(error instanceof Failure) || error instanceof StoreError) throw error
    throw new StoreError('MANIFEST_INVALID', error.message, { cause: error })
  }
}

/**
 * Opens the layout in the directory, which the first write creates. Several stores and processes may write to one
 * layout at once. Symbolic links inside the layout are refused.
 */
export const openLayout = (directory: string, options: LayoutOptions = {}): Store => {
  const root = resolve(directory)
  const location = options.location ?? `oci:${directory}`
  /** Folders of the layout that are known to be folders. */
  const checked = new Set<string>()

  const told = new Set<string>()
  const passOver = ({ message }: Failure): void => {
    if (!told.has(message)) options.onUnreadable?.(`${message}; it is passed over`)
    told.add(message)
  }
  const referrers = createReferrerList(root, passOver)

  const findMissing = async (named: readonly Descriptor[]): Promise<Digest[]> => {
    const missing = new Set<Digest>()
    for (const { digest, size } of named) if ((await sizeOfBlob(root, digest, checked)) !== size) missing.add(digest)
    return [...missing]
  }

  const isWhole = async (digest: Digest, seen: Set<Digest>): Promise<boolean> => {
    if (seen.has(digest)) return true
    seen.add(digest)
    // What is damaged is about to be written again.
    const content = await unlessDamaged(readManifest(root, digest))
    if (content === undefined) return false
    const named = contentOf(content)
    if ((await findMissing(named)).length > 0) return false
    for (const part of named) if (isManifestType(part.mediaType) && !(await isWhole(part.digest, seen))) return false
    return true
  }

  let cleaning: Promise<unknown> | undefined
  /** Once is enough: what this store leaves behind itself is not old enough. */
  const removeDrafts = async (): Promise<void> => {
    cleaning ??= Promise.all([
      removeAbandoned(root),
      removeAbandoned(root, 'blobs', 'sha256'),
      removeAbandoned(root, 'blobs', 'sha512'),
    ])
    await cleaning
  }

  const updateEntries = async (
    change: (entries: readonly Descriptor[], children: ReadonlySet<Digest>) => readonly Descriptor[],
    added: readonly Descriptor[] = [],
  ): Promise<void> =>
    await updateLayoutIndex(root, async (entries) =>
      change(entries, await childrenOf(root, [...entries, ...added], passOver)),
    )

  const store: Store = {
    location,
    refusesMissingContent: true,

    holdsWhole: async ({ digest }) => {
      const index = await findLayoutIndex(root)
      if (index === undefined) return false
      const isListed = index.manifests.some((entry) => entry.digest === digest)
      if (!isListed && !(await childrenOf(root, index.manifests, passOver)).has(digest)) return false
      return await isWhole(digest, new Set())
    },

    resolveManifest: async (reference) => (await store.getManifest(reference)).descriptor,

    getManifest: async (reference) => {
      const index = await findLayoutIndex(root)
      if (index === undefined) throw new StoreError('NAME_UNKNOWN', `${root} is not an OCI image layout`)
      const digest = isDigest(reference) ? reference : findByRefName(index.manifests, reference)?.digest
      if (digest === undefined) throw new StoreError('MANIFEST_UNKNOWN', `${location} has no tag "${reference}"`)
      const content = await readManifest(root, digest)
      if (content === undefined)
        throw new StoreError(
          'MANIFEST_UNKNOWN',
          `${location} has no ${reference}: ${pathOf(blobFile(root, digest))} is missing`,
        )
      return content
    },

    resolveBlob: async (digest) => await sizeOfBlob(root, digest, checked),

    getBlob: (descriptor, start) => readBlob(root, descriptor, start),
    lendBlob: (descriptor, start = 0) => lendBlob(root, descriptor, start, checked),

    getSmallBlob: (digest, limit) => readSmallBlob(root, digest, limit),

    listTags: async () => {
      const index = await findLayoutIndex(root)
      const names = (index?.manifests ?? []).map(refNameOf).filter((name) => name !== undefined)
      return [...new Set(names.filter(isTag))]
    },

    listReferrers: async (digest) => {
      const index = await findLayoutIndex(root)
      return index === undefined ? [] : await referrers.find(index, digest)
    },

    pushBlob: async (descriptor, content, { onBytes, mayBePresent = false } = {}) => {
      const { digest, size } = descriptor
      if (mayBePresent && (await sizeOfBlob(root, digest, checked)) === size) {
        onBytes?.(digest, size)
        return 'present'
      }
      const counted = async function* (): AsyncGenerator<Uint8Array> {
        for await (const chunk of checkChunks(content.open(), descriptor, content.origin)) {
          yield chunk
          onBytes?.(digest, chunk.length)
        }
      }
      await replaceFile(blobFile(root, digest), counted())
      return 'uploaded'
    },

    pushManifest: async (content, tag) => {
      const { bytes, descriptor } = content
      if (tag !== undefined && !isTag(tag)) throw new StoreError('TAG_INVALID', `"${tag}" is not a tag`)
      const missing = await findMissing(checkManifest(content))
      if (missing.length > 0)
        throw new StoreError(
          'MANIFEST_BLOB_UNKNOWN',
          `${location} lacks content of ${descriptor.digest}: ${missing.join(', ')}`,
          { missing },
        )
      await replaceFile(blobFile(root, descriptor.digest), [bytes])
      await removeDrafts()
      referrers.forget(descriptor.digest)
      const manifest = { ...descriptor, size: bytes.length }
      await updateEntries((entries, children) => addEntry(entries, manifest, tag, children), [manifest])
    },

    placeManifest: async (content, references, onPlaced) => {
      const found: (Descriptor | undefined)[] = []
      for (const reference of references) {
        await store.pushManifest(content, isDigest(reference) ? undefined : reference)
        onPlaced?.(reference)
        found.push(await findManifest(store, reference))
      }
      return found
    },

    deleteManifest: async (reference) => {
      const { descriptor } = await store.getManifest(reference)
      if (isDigest(reference)) {
        await updateEntries((entries) => removeManifest(entries, reference))
        await removeFile(blobFile(root, descriptor.digest))
        referrers.forget(descriptor.digest)
      } else await updateEntries((entries, children) => removeTag(entries, reference, children))
    },
  }
  return store
}
