// Names that steps agree on without talking: of images whose id nobody gave, of artifacts between jobs, of sources.
import { basename, resolve } from 'node:path'
import { digestOf, formatStoreLocation, hexOf, parsePlatform, parseStoreLocation, platformSlug } from '@polyarch/oci'

/** The id of an image that is known by its store only: the last part of the name, as an image id may be written. */
export const imageIdOf = (store: string): string => {
  const location = parseStoreLocation(store)
  const name = location.kind === 'layout' ? resolve(location.directory) : location.repository.name
  const id = basename(name)
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]/g, '-')
    .replaceAll(/[._-]{2,}/g, '-')
    .replaceAll(/^[._-]+|[._-]+$/g, '')
  return id === '' ? 'image' : id
}

/** The id that a leg has or would have: the image's id, a dot and the platform's slug. */
export const legIdOf = (image: string, platform: string): string => `${image}.${platformSlug(parsePlatform(platform))}`

/**
 * The name under which a job hands a leg's record to later jobs of its run. It names the plan or, without one, the
 * repository, so that two callers of one workflow never take each other's. A second attempt replaces the first's.
 */
export const handoffName = (plan: string | null, repository: string, leg: string): string => {
  const location = new TextEncoder().encode(formatStoreLocation(parseStoreLocation(repository)))
  return `polyarch-${plan ?? hexOf(digestOf(location)).slice(0, 12)}-${leg}`
}

/** The name under which the job that planned hands on its plan: no leg's, as that has a dot. */
export const planArtifact = (plan: string): string => `polyarch-${plan}-plan`

/** The name under which it hands on another repository's files. */
export const sourceArtifact = (plan: string, commit: string): string => `polyarch-${plan}-source-${commit}`

/** Where another repository's files lie, below the workspace. */
export const sourceDirectory = (commit: string): string => `.polyarch/sources/${commit}`
