// The tags that led to the children until the merge: which of them go now, and what happens where they cannot.
import { isAnchorOf } from '@polyarch/documents'
import { type Digest, findManifest, forEachParallel, isStoreError, type ManifestContent } from '@polyarch/oci'
import type { Destination } from './destination.ts'
import type { PlannedChild } from './plan.ts'

export interface Anchor {
  readonly tag: string
  readonly digest: Digest
}

/**
 * The anchors that the merge makes needless: those that the records name and whose names tell their manifest.
 * None where the index gets no tag, since then nothing else would lead to the children.
 */
export const planAnchorRemovals = (children: readonly PlannedChild[], tags: readonly string[]): Anchor[] => {
  if (tags.length === 0) return []
  return children.flatMap(({ source }) => {
    if (!('record' in source)) return []
    const { anchors = [], attestations, digest } = source.record
    const digests = [digest as Digest, ...attestations.map((attestation) => attestation.digest as Digest)]
    return anchors.flatMap((tag): Anchor[] => {
      const owner = digests.find((candidate) => isAnchorOf(tag, candidate))
      return owner === undefined || tags.includes(tag) ? [] : [{ tag, digest: owner }]
    })
  })
}

const parallelRemovals = 16

/**
 * Removes the anchors, tags only, where they still lead to their manifests. The merge is done by then: what cannot be
 * removed stays, and `onKept` is told of it in one line.
 */
export const removeAnchors = async (
  { repository, store }: Destination,
  anchors: readonly Anchor[],
  contents: readonly ManifestContent[],
  onKept: (line: string) => void,
): Promise<void> => {
  /** Whether the registry removes a tag and nothing else. */
  const remove = async ({ tag, digest }: Anchor): Promise<boolean> => {
    if ((await findManifest(store, tag))?.digest !== digest) return true
    await store.deleteManifest(tag)
    const content = contents.find(({ descriptor }) => descriptor.digest === digest)
    if (content === undefined || (await findManifest(store, digest)) !== undefined) return true
    await store.pushManifest(content, tag)
    return false
  }
  const [first, ...others] = anchors
  if (first === undefined) return
  const left = new Set(anchors)
  const keep = (why: string): void =>
    onKept(`${repository}: ${why}; these tags stay: ${[...left].map(({ tag }) => tag).join(', ')}`)
  try {
    // The first one shows whether this registry does it at all.
    if (await remove(first)) {
      left.delete(first)
      await forEachParallel(others, parallelRemovals, async (anchor) => {
        if (await remove(anchor)) left.delete(anchor)
      })
    }
    if (left.size > 0) keep('an image went away with its last tag, and was tagged again')
  } catch (error) {
    if (!isStoreError(error)) throw error
    keep(error.message)
  }
}
