// Looks tags up, decides what becomes of each, moves them and reads them back.
import type { TagOutcome } from '@polyarch/documents'
import {
  type Descriptor,
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

/**
 * The tags in groups, of which each is written only when all before it are in place. A tag that people use already is
 * alone: it is not touched while one before it may still be refused, and it is the likeliest to be refused itself. New
 * tags next to each other go together.
 */
const groupTags = (planned: readonly TagOutcome[]): TagOutcome[][] => {
  const groups: TagOutcome[][] = []
  for (const tag of planned) {
    const last = groups.at(-1)
    if (last === undefined || tag.status === 'moved' || last[0]?.status === 'moved') groups.push([tag])
    else last.push(tag)
  }
  return groups
}

/** What a registry says that refuses a tag because it is immutable: ECR 400, Harbor 412, Quay 409, ACR 405. */
const mayBeImmutable = (error: unknown): boolean =>
  isStoreError(error, 'DENIED', 'TAG_INVALID', 'MANIFEST_INVALID', 'UNSUPPORTED', 'UNKNOWN')

/** @throws {Failure} verification, where one of the tags reads back as something else: another run wrote it at the same time. */
const requireDigest = (
  store: Store,
  digest: Digest,
  references: readonly string[],
  found: readonly (Descriptor | undefined)[],
): void => {
  const wrong = references.flatMap((tag, position) =>
    found[position]?.digest === digest ? [] : [`${store.location}:${tag} is ${found[position]?.digest ?? 'not there'}`],
  )
  if (wrong.length > 0)
    throw verificationFailure(`${wrong.join('; ')} after it was set to ${digest}: something else writes this tag`)
}

/**
 * Writes the tags in the order given, reads them back, and says what became of each.
 * @throws {Failure} verification, where one points at something else.
 */
const writeTags = async (
  store: Store,
  index: ManifestContent,
  planned: readonly TagOutcome[],
  onMoved: (tag: string) => void,
): Promise<TagOutcome[]> => {
  const { digest } = index.descriptor
  const outcomes = new Map<string, TagOutcome>()
  for (;;) {
    const pending = planned.filter(({ tag }) => !outcomes.has(tag))
    if (pending.length === 0) return planned.map(({ tag }) => outcomes.get(tag)!)
    const place = (tag: string): void => {
      const outcome = pending.find((candidate) => candidate.tag === tag)
      if (outcome === undefined || outcomes.has(tag)) return
      outcomes.set(tag, outcome)
      onMoved(tag)
    }
    try {
      const references = pending.map(({ tag }) => tag)
      requireDigest(store, digest, references, await store.placeManifest(index, references, place))
    } catch (error) {
      if (!mayBeImmutable(error)) throw error
      const placed = pending.flatMap(({ tag }) => (outcomes.has(tag) ? [tag] : []))
      const refused = pending.find(({ tag }) => !outcomes.has(tag))
      // Another run was faster, and wrote the same; without one, a tag in place was written again behind one that was not.
      if (refused !== undefined) {
        if ((await findManifest(store, refused.tag))?.digest !== digest) throw error
        outcomes.set(refused.tag, planTag(refused.tag, digest, digest))
      }
      // The refusal came before they were read back.
      requireDigest(store, digest, placed, await Promise.all(placed.map((tag) => findManifest(store, tag))))
    }
  }
}

/**
 * Moves the tags that do not point at the index yet, in the order given, and reads them back.
 * `onMoved` is told of each.
 */
export const moveTags = async (
  store: Store,
  index: ManifestContent,
  planned: readonly TagOutcome[],
  onMoved: (tag: string) => void,
): Promise<TagOutcome[]> => {
  const outcomes = new Map<string, TagOutcome>()
  for (const group of groupTags(planned.filter(({ status }) => status !== 'unchanged')))
    for (const outcome of await writeTags(store, index, group, onMoved)) outcomes.set(outcome.tag, outcome)
  return planned.map((tag) => outcomes.get(tag.tag) ?? tag)
}
