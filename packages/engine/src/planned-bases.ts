// The images of the same plan that one is built from: by the digests that were just merged, not by tags that move.
import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type MergeResult, parseMergeResult, readDocumentText } from '@polyarch/documents'
import { Failure, formatRepository, inputFailure, parseFamiliarReference, parseStoreLocation } from '@polyarch/oci'

const listFiles = async (path: string): Promise<string[]> => {
  try {
    const names = await readdir(path)
    return names.filter((name) => name.endsWith('.json')).map((name) => join(path, name))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOTDIR') return [path]
    throw inputFailure(`input bases: cannot read ${path} (${code})`, { cause: error })
  }
}

/**
 * The merge results of the images that are needed.
 * @throws {Failure} input, when one of them is in none of the files or directories; verification, when it is another plan's.
 */
export const readPlannedBases = async (
  paths: readonly string[],
  directory: string,
  plan: string,
  needs: readonly string[],
): Promise<MergeResult[]> => {
  const results: MergeResult[] = []
  for (const path of paths)
    for (const file of await listFiles(resolve(directory, path)))
      results.push(parseMergeResult(await readDocumentText('bases', file), file))
  return needs.map((id) => {
    const found = results.filter(({ image }) => image === id)
    const own = found.find((result) => result.plan === plan)
    if (own) return own
    const stated = found[0]
    if (stated) throw new Failure('verification', `input bases: ${id} was merged for plan ${stated.plan}, not ${plan}`)
    throw inputFailure(`input bases: there is no merge result of ${id}, which this image needs`)
  })
}

/** What a reference that names one of the images is pinned to: the same repository, by digest. */
export const pinToResults =
  (results: readonly MergeResult[]) =>
  (reference: string): string | undefined => {
    let named: ReturnType<typeof parseFamiliarReference>
    try {
      named = parseFamiliarReference(reference)
    } catch (error) {
      // Not a reference: whatever it is, no image of the plan has that name.
      if (error instanceof Failure) return undefined
      throw error
    }
    if (named.digest !== undefined) return undefined
    const { tag = 'latest' } = named
    for (const { digest, repositories } of results)
      for (const { repository, tags } of repositories) {
        const location = parseStoreLocation(repository)
        if (location.kind !== 'registry' || formatRepository(location.repository) !== formatRepository(named)) continue
        if (tags.some((outcome) => outcome.tag === tag)) return `${repository}@${digest}`
      }
    return undefined
  }
