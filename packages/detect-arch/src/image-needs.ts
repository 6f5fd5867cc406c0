// Finds the images of the plan that another one is built from: those whose repository and tag its FROM or COPY names.
import type { SourceImage } from '@polyarch/dockerfile'
import { Failure, formatRepository, parseFamiliarReference, parseStoreLocation } from '@polyarch/oci'

export interface PlannedNames {
  readonly id: string
  readonly repositories: readonly string[]
  readonly tags: readonly string[]
}

/** Looks up the image of the plan that moves `repository:tag`. */
export const indexImages = (images: readonly PlannedNames[]): ReadonlyMap<string, string> =>
  new Map(
    images.flatMap(({ id, repositories, tags }) =>
      repositories
        .map(parseStoreLocation)
        .filter((location) => location.kind === 'registry')
        .flatMap(({ repository }) =>
          tags.map((tag): [string, string] => [`${formatRepository(repository)}:${tag}`, id]),
        ),
    ),
  )

/** `repository:tag` of a reference as a Dockerfile writes it; undefined for a digest, which no later build moves. */
const movingName = (reference: string): string | undefined => {
  try {
    const { tag = 'latest', digest, ...repository } = parseFamiliarReference(reference)
    return digest === undefined ? `${formatRepository(repository)}:${tag}` : undefined
  } catch (error) {
    // What is no reference names no image of the plan either; the engine will say what is wrong with it.
    if (error instanceof Failure) return undefined
    throw error
  }
}

/** The id of the image of the plan that a reference names. */
export const findPlanned = (reference: string, index: ReadonlyMap<string, string>): string | undefined => {
  const name = movingName(reference)
  return name === undefined ? undefined : index.get(name)
}

/** The ids of the images that these are, in order, each once. */
export const findNeeds = (sources: readonly SourceImage[], index: ReadonlyMap<string, string>): string[] => [
  ...new Set(
    sources.flatMap(({ reference, missing }) => (missing.length > 0 ? [] : (findPlanned(reference, index) ?? []))),
  ),
]
