// Lists the files of a workspace: those that git knows or could know, or all where there is no repository.
import { readdir } from 'node:fs/promises'
import { join, posix } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { openGit } from './git.ts'

/** Directories that hold no sources of the workspace's own. */
const skipped = new Set(['.git', '.polyarch', 'node_modules'])

const walk = async (root: string, directory: string): Promise<string[]> => {
  const entries = await readdir(join(root, directory), { withFileTypes: true })
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = posix.join(directory, entry.name)
      // Links are not followed: they could lead anywhere, or in circles.
      if (entry.isDirectory()) return skipped.has(entry.name) ? [] : await walk(root, path)
      return entry.isFile() ? [path] : []
    }),
  )
  return found.flat()
}

/** Their paths with `/`, sorted, as far as the pattern of their names fits. */
export const listFiles = async (host: Pick<Host, 'exec' | 'directory'>, name: RegExp): Promise<string[]> => {
  const listed = await openGit(host).list(
    'ls-files',
    '-z',
    '--cached',
    '--others',
    '--exclude-standard',
    '--deduplicate',
  )
  return (listed ?? (await walk(host.directory, '.')))
    .filter((path) => name.test(posix.basename(path)) && !path.split('/').some((part) => skipped.has(part)))
    .toSorted()
}
