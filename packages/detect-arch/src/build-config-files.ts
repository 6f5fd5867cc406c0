// Finds the build-config.yaml files of a workspace.
import { readdir } from 'node:fs/promises'
import { join, posix } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { buildConfigName } from './build-config.ts'
import { openGit } from './git.ts'

/** Directories that hold no sources. */
const skipped = new Set(['.git', '.polyarch', 'node_modules'])

const walk = async (root: string, directory: string): Promise<string[]> => {
  const entries = await readdir(join(root, directory), { withFileTypes: true })
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = posix.join(directory, entry.name)
      // Links are not followed: they could lead anywhere, or in circles.
      if (entry.isDirectory()) return skipped.has(entry.name) ? [] : await walk(root, path)
      return entry.isFile() && entry.name === buildConfigName ? [path] : []
    }),
  )
  return found.flat()
}

/** Their paths, sorted: those that git knows or could know, or all where there is no repository. */
export const findBuildConfigs = async (host: Pick<Host, 'exec' | 'directory'>): Promise<readonly string[]> => {
  const listed = await openGit(host).list(
    'ls-files',
    '-z',
    '--cached',
    '--others',
    '--exclude-standard',
    '--deduplicate',
    '--',
    `:(glob)**/${buildConfigName}`,
  )
  return [...(listed ?? (await walk(host.directory, '.')))].sort()
}
