// The entries of a layout's index.json: tags as annotations, and what an update makes of them.
import type { Descriptor, Digest } from '@polyarch/oci'

/** A tag in an image layout: an annotation of its entry (image-spec annotations.md). */
const refNameAnnotation = 'org.opencontainers.image.ref.name'

export const refNameOf = (entry: Descriptor): string | undefined => {
  const name: unknown = entry.annotations?.[refNameAnnotation]
  return typeof name === 'string' && name !== '' ? name : undefined
}

export const findByRefName = (entries: readonly Descriptor[], name: string): Descriptor | undefined =>
  entries.find((entry) => refNameOf(entry) === name)

const withoutRefName = (entry: Descriptor): Descriptor => {
  const { annotations, ...rest } = entry
  const others = Object.entries(annotations ?? {}).filter(([key]) => key !== refNameAnnotation)
  return others.length === 0 ? rest : { ...rest, annotations: Object.fromEntries(others) }
}

/** Entries without a tag only keep manifests reachable: one per digest, and none where something else does that. */
const tidy = (entries: readonly Descriptor[], children: ReadonlySet<Digest>): Descriptor[] => {
  const reachable = new Set<Digest>([...children, ...entries.filter(refNameOf).map((entry) => entry.digest)])
  return entries.filter((entry) => {
    if (refNameOf(entry) !== undefined) return true
    if (reachable.has(entry.digest)) return false
    reachable.add(entry.digest)
    return true
  })
}

/**
 * The entries once the manifest is in the layout, with the tag where one is given. A manifest that loses its tag
 * stays, as it does in a registry; `children` are the manifests that the layout's indexes name.
 */
export const addEntry = (
  entries: readonly Descriptor[],
  manifest: Descriptor,
  tag: string | undefined,
  children: ReadonlySet<Digest>,
): Descriptor[] => {
  const { mediaType, digest, size, platform } = manifest
  const entry: Descriptor = {
    mediaType,
    digest,
    size,
    ...(platform === undefined ? {} : { platform }),
    ...(tag === undefined ? {} : { annotations: { [refNameAnnotation]: tag } }),
  }
  const position = tag === undefined ? -1 : entries.findIndex((other) => refNameOf(other) === tag)
  if (position === -1) return tidy([...entries, entry], children)
  const replaced = entries[position] as Descriptor
  const others = entries.map((other, index) =>
    index === position ? entry : refNameOf(other) === tag ? withoutRefName(other) : other,
  )
  return tidy(replaced.digest === digest ? others : [...others, withoutRefName(replaced)], children)
}

/** The entries without the tag; its manifest stays. */
export const removeTag = (entries: readonly Descriptor[], tag: string, children: ReadonlySet<Digest>): Descriptor[] =>
  tidy(
    entries.map((entry) => (refNameOf(entry) === tag ? withoutRefName(entry) : entry)),
    children,
  )

/** The entries without the manifest and its tags. */
export const removeManifest = (entries: readonly Descriptor[], digest: Digest): Descriptor[] =>
  entries.filter((entry) => entry.digest !== digest)
