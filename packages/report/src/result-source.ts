// Finds merge results: in directories, files and globs, or as artifacts of other jobs of the run.
import { glob, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { handoffName, type Plan, parseMergeResult, readDocumentText } from '@polyarch/documents'
import { inputFailure } from '@polyarch/oci'
import type { FoundResult } from './plan.ts'

/** Where results lie when nobody says. */
const defaultResults = '.polyarch/merge'

const isAbsent = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT'

/** The JSON files below a directory; links are not followed. */
const listDirectory = async (directory: string): Promise<string[]> =>
  (await readdir(directory, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()

const listGlob = async (pattern: string, directory: string): Promise<string[]> => {
  const files: string[] = []
  for await (const file of glob(pattern, { cwd: directory })) files.push(resolve(directory, file))
  return files.toSorted()
}

const listEntry = async (entry: string, directory: string): Promise<string[]> => {
  const path = resolve(directory, entry)
  try {
    return (await stat(path)).isDirectory() ? await listDirectory(path) : [path]
  } catch (cause) {
    if (!isAbsent(cause)) throw inputFailure(`input results: cannot read ${entry}`, { cause })
    const files = /[*?[]/.test(entry) ? await listGlob(entry, directory) : []
    if (files.length === 0) throw inputFailure(`input results: there is no ${entry}`, { cause })
    return files
  }
}

const readResults = async (files: readonly string[], directory: string): Promise<FoundResult[]> =>
  await Promise.all(
    [...new Set(files)].map(async (file) => {
      const place = relative(directory, file)
      return { result: parseMergeResult(await readDocumentText('results', file), place), place }
    }),
  )

/**
 * The merge results that the input `results` names; without it, those in the default directory.
 * @throws {Failure} input, when a file is missing, unreadable or no merge result.
 */
export const findResults = async (entries: readonly string[], directory: string): Promise<FoundResult[]> => {
  if (entries.length > 0)
    return await readResults((await Promise.all(entries.map((entry) => listEntry(entry, directory)))).flat(), directory)
  const files = await listDirectory(resolve(directory, defaultResults)).catch((error: unknown) => {
    if (isAbsent(error)) return []
    throw error
  })
  return await readResults(files, directory)
}

/** Fetches the results of the plan's images that there are; one that is missing is for the report to show. */
export const receiveResults = async (plan: Plan, host: Host): Promise<FoundResult[]> => {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-results-'))
  try {
    const names = plan.images.map(({ id, repositories }) => handoffName(plan.id, repositories[0] ?? '', `${id}.merge`))
    for (const name of await host.receiveFiles(names, directory))
      host.log.warning(`no job of this run handed on ${name}`)
    return await readResults(await listDirectory(directory), directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
