// Takes along what refers to manifests: signatures and SBOMs by their subject, and those that cosign keeps under tags.
import { type CopyOptions, copyManifest, findManifest, forEachParallel, getManifestExactly } from './copy.ts'
import { algorithmOf, type Digest, hexOf } from './digest.ts'
import { verificationFailure } from './failure.ts'
import { type Descriptor, deepestIndex, mostManifests, parseIndex } from './manifest.ts'
import { isIndexType, isManifestType } from './media-types.ts'
import type { Store, StoreReader } from './store.ts'

export interface CopyReferrersOptions extends CopyOptions {
  /** Told of what is not copied, in one line that says why. */
  readonly onSkipped?: (line: string) => void
}

/** A signature of an SBOM of an image is two levels deep: a few more are nobody's, and a server could go on for ever. */
const deepestReferrer = 8

/** Subjects under way at once. */
const parallelSubjects = 32

/** From so many subjects on, one list of all tags costs less than asking for each tag. */
const fewSubjects = 16

/** cosign's tags for what belongs to a digest (https://github.com/sigstore/cosign, specs/SIGNATURE_SPEC.md). */
const digestTagsOf = (digest: Digest): string[] =>
  ['sig', 'att', 'sbom'].map((suffix) => `${algorithmOf(digest)}-${hexOf(digest)}.${suffix}`)

/** Whether a manifest that is there lacks content, where the store can tell. */
const isDamaged = async (store: Store, manifest: Descriptor): Promise<boolean> =>
  store.holdsWhole !== undefined && !(await store.holdsWhole(manifest))

/** Copies the manifests whose subject is the digest, and gives all that there are. */
const copySubject = async (
  source: StoreReader,
  destination: Store,
  subject: Digest,
  options: CopyReferrersOptions,
): Promise<readonly Descriptor[]> => {
  const listed = new Map((await source.listReferrers(subject)).map((referrer) => [referrer.digest, referrer]))
  if (listed.size === 0) return []
  const referrers = [...listed.values()].filter((referrer) => {
    if (isManifestType(referrer.mediaType)) return true
    options.onSkipped?.(
      `${source.location}@${referrer.digest} refers to ${subject} and stays behind: it is ${referrer.mediaType}`,
    )
    return false
  })
  const present = new Set((await destination.listReferrers(subject)).map(({ digest }) => digest))
  await forEachParallel(referrers, parallelSubjects, async (referrer) => {
    if (present.has(referrer.digest) && !(await isDamaged(destination, referrer))) return
    const { unchanged } = await copyManifest(source, destination, referrer, options)
    // It is there but not listed: whoever pushed it was stopped before the list was written.
    if (unchanged) await destination.pushManifest(await getManifestExactly(source, referrer))
  })
  return referrers
}

const copyTag = async (
  source: StoreReader,
  destination: Store,
  tag: string,
  options: CopyReferrersOptions,
): Promise<void> => {
  const found = await findManifest(source, tag)
  if (found === undefined) return
  const present = await findManifest(destination, tag)
  const isSame = found.digest === present?.digest
  if (isSame && !(await isDamaged(destination, found))) return
  if (present !== undefined && !isSame) {
    options.onSkipped?.(
      `${destination.location}:${tag} stays as it is: there it is ${present.digest}, at ${source.location} ${found.digest}`,
    )
    return
  }
  await copyManifest(source, destination, found, options)
  await destination.pushManifest(await getManifestExactly(source, found), tag)
}

/** The tags that cosign may have made for the digests; where there are many digests, only those that exist. */
const findDigestTags = async (source: StoreReader, digests: readonly Digest[]): Promise<readonly string[]> => {
  const possible = digests.flatMap(digestTagsOf)
  if (digests.length <= fewSubjects) return possible
  const existing = new Set(await source.listTags())
  return possible.filter((tag) => existing.has(tag))
}

/**
 * Copies what refers to the subjects and, again, what refers to that. A tag of the destination that is there already
 * stays as it is.
 * @throws {StoreError} what either store refuses; {Failure} verification, where the referrers do not end.
 */
export const copyReferrers = async (
  source: StoreReader,
  destination: Store,
  subjects: Iterable<Digest>,
  options: CopyReferrersOptions = {},
): Promise<void> => {
  const seen = new Set(subjects)
  let level: readonly Digest[] = [...seen]
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > deepestReferrer || seen.size > mostManifests)
      throw verificationFailure(
        `${source.location} has more than ${depth > deepestReferrer ? `${deepestReferrer} levels of` : mostManifests} referrers to ${[...seen][0]}`,
      )
    const next = new Set<Digest>()
    const copyTags = async (digests: readonly Digest[]): Promise<void> =>
      await forEachParallel(await findDigestTags(source, digests), parallelSubjects, (tag) =>
        copyTag(source, destination, tag, options),
      )
    const copySubjects = async (digests: readonly Digest[]): Promise<void> =>
      await forEachParallel(digests, parallelSubjects, async (subject) => {
        for (const { digest } of await copySubject(source, destination, subject, options))
          if (!seen.has(digest)) next.add(digest)
      })
    await Promise.all([copyTags(level), copySubjects(level)])
    for (const digest of next) seen.add(digest)
    level = [...next]
  }
}

/**
 * The digest and, where it is an index, those of all manifests below it: what a signature may be of.
 * @throws {Failure} verification, where an index is malformed or nests too deep.
 */
export const subjectsOf = async (store: StoreReader, descriptor: Descriptor): Promise<Set<Digest>> => {
  const subjects = new Set<Digest>()
  const visit = async (entry: Descriptor, depth: number): Promise<void> => {
    if (subjects.has(entry.digest)) return
    subjects.add(entry.digest)
    if (subjects.size > mostManifests || depth > deepestIndex)
      throw verificationFailure(`${store.location}@${entry.digest} is too deep inside ${descriptor.digest}`)
    if (!isIndexType(entry.mediaType)) return
    for (const child of parseIndex((await getManifestExactly(store, entry)).bytes).manifests)
      if (isManifestType(child.mediaType)) await visit(child, depth + 1)
  }
  await visit(descriptor, 0)
  return subjects
}
