// Looks tags up, decides what becomes of each, and moves them.
import type { TagOutcome } from '@polyarch/documents'
import {
  type Digest,
  findManifest,
  isStoreError,
  type ManifestContent,
  type Store,
  type StoreReader,
  verificationFailure,
} from '@polyarch/oci'

/** The digest behind each tag before anything is written; null where there is none. */
export const lookUpTags = async (store: StoreReader, tags: readonly string[]): Promise<(Digest | null)[]> =>
  await Promise.all(tags.map(async (tag) => (await findManifest(store, tag))?.digest ?? null))

/** What becomes of a tag that points at `previous` when it is to point at the digest. */
export const planTag = (tag: string, previous: Digest | null, digest: Digest): TagOutcome => ({
  tag,
  previous,
  status: previous === null ? 'created' : previous === digest ? 'unchanged' : 'moved',
})

/** Moves the tag and says what became of it. */
const moveTag = async (store: Store, index: ManifestContent, planned: TagOutcome): Promise<TagOutcome> => {
  const { digest } = index.descriptor
  try {
    await store.pushManifest(index, planned.tag)
    return planned
  } catch (error) {
    // Each registry refuses an immutable tag in words of its own: ECR 400, Harbor 412, Quay 409, ACR 405.
    if (!isStoreError(error, 'DENIED', 'TAG_INVALID', 'MANIFEST_INVALID', 'UNSUPPORTED', 'UNKNOWN')) throw error
    // Another run was faster, and wrote the same: nothing is left to do.
    if ((await findManifest(store, planned.tag))?.digest === digest) return planTag(planned.tag, digest, digest)
    throw error
  }
}

/**
 * Moves the tags that do not point at the index yet, one after the other in the order given.
 * `onMoved` is told of each before the next one is begun.
 */
export const moveTags = async (
  store: Store,
  index: ManifestContent,
  planned: readonly TagOutcome[],
  onMoved: (tag: string) => void,
): Promise<TagOutcome[]> => {
  const outcomes: TagOutcome[] = []
  for (const tag of planned) {
    const outcome = tag.status === 'unchanged' ? tag : await moveTag(store, index, tag)
    if (outcome.status !== 'unchanged') onMoved(outcome.tag)
    outcomes.push(outcome)
  }
  return outcomes
}

/**
 * Reads the tags back.
 * @throws {Failure} verification, where one points at something else: another run wrote it at the same time.
 */
export const verifyTags = async (store: StoreReader, tags: readonly string[], digest: Digest): Promise<void> => {
  const found = await lookUpTags(store, tags)
  const wrong = tags.flatMap((tag, position) =>
    found[position] === digest ? [] : [`${store.location}:${tag} is ${found[position] ?? 'not there'}`],
  )
  if (wrong.length > 0)
    throw verificationFailure(`${wrong.join('; ')} after it was set to ${digest}: something else writes this tag`)
}
