// The one folder that holds whatever preparation downloads and builds.
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'

/** The root of the repository. */
export const repositoryRoot = resolve(import.meta.dirname, '../../..')

/** `.cache` in the repository, or what POLYARCH_CACHE names. */
export const cacheDirectory = (): string => resolve(repositoryRoot, process.env['POLYARCH_CACHE'] || '.cache')

/** A path inside the cache. */
export const cachePath = (...names: string[]): string => join(cacheDirectory(), ...names)

/** Writes the file whole or not at all, so that a run beside this one never reads half of it. */
export const writeWhole = async (path: string, content: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true })
  const draft = `${path}.${process.pid}`
  await writeFile(draft, content)
  await rename(draft, path)
}
