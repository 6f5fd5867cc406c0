// Directories that instructions make besides what they are for: the lifecycle's extender makes them, not every engine does.
import type { Instruction } from '@polyarch/dockerfile'
import type { ImageConfig } from '@polyarch/oci'
import { pack } from 'tar-stream'
import type { DirectoryFacts, DirectoryTree } from './directory-tree.ts'
import { userOf } from './extension-args.ts'

/** A directory to be made. */
export interface AddedDirectory extends DirectoryFacts {
  /** Without leading `/`. */
  readonly path: string
}

const rootsOwn: DirectoryFacts = { mode: 0o755, uid: 0, gid: 0 }

/** The directory and those above it, from the top down; without leading `/`. */
const withParents = (path: string): string[] => {
  const names = path.split('/').filter((name) => name !== '' && name !== '.')
  return names.map((_, index) => names.slice(0, index + 1).join('/'))
}

const missing = (path: string, tree: DirectoryTree): string[] => {
  const all = path.split('/').includes('..') ? [] : withParents(path)
  return tree.find(all.at(-1) ?? '') === undefined ? all.filter((each) => tree.find(each) === undefined) : []
}

const volumesOf = ({ config }: ImageConfig): string[] => {
  const volumes = config?.['Volumes']
  return typeof volumes === 'object' && volumes !== null ? Object.keys(volumes) : []
}

/** The directories that the image's new volumes lack, from the top down. */
export const missingVolumes = (
  base: ImageConfig,
  built: ImageConfig,
  tree: DirectoryTree,
): readonly AddedDirectory[] => {
  const known = new Set(volumesOf(base))
  const added = volumesOf(built).filter((path) => !known.has(path))
  const paths = new Set(added.flatMap((path) => missing(path, tree)))
  return [...paths].sort().map((path) => ({ path, ...rootsOwn }))
}

/** The user of the config by numbers; undefined for a name, which only the image's own files explain. */
const numericUser = (config: ImageConfig): Pick<DirectoryFacts, 'uid' | 'gid'> | undefined => {
  const { user, group } = userOf(config)
  const uid = user === '' || user === 'root' ? '0' : user
  // Engines take the user's number for a group that nobody names.
  const gid = group === '' ? uid : group === 'root' ? '0' : group
  return [uid, gid].every((text) => /^\d{1,9}$/.test(text)) ? { uid: Number(uid), gid: Number(gid) } : undefined
}

/** The working directory where it is missing: its own is the user's, those above it are root's. */
export const missingWorkdir = (config: ImageConfig, tree: DirectoryTree): readonly AddedDirectory[] => {
  const path = config.config?.['WorkingDir']
  const owner = numericUser(config)
  if (typeof path !== 'string' || owner === undefined) return []
  const paths = missing(path, tree)
  return paths.map((each, index) => ({ path: each, ...rootsOwn, ...(index === paths.length - 1 ? owner : {}) }))
}

/**
 * What a WORKDIR made, as the lifecycle's extender has it: the directory itself belongs to the user, those above it to
 * root. Undefined where that is so, or the layer holds something else.
 */
export const correctWorkdir = (
  entries: readonly (AddedDirectory & { readonly type: string; readonly hasAttributes: boolean })[],
  tree: DirectoryTree,
): readonly AddedDirectory[] | undefined => {
  if (entries.some(({ type, hasAttributes }) => type !== 'directory' || hasAttributes)) return undefined
  const made = entries.filter(({ path }) => tree.find(path) === undefined)
  const above = new Set(
    made
      .map(({ path }) => path)
      .sort()
      .slice(0, -1),
  )
  if (made.every(({ path, uid, gid }) => !above.has(path) || (uid === 0 && gid === 0))) return undefined
  return entries.map(({ path, mode, uid, gid }) => ({
    path,
    mode,
    ...(above.has(path) ? { uid: 0, gid: 0 } : { uid, gid }),
  }))
}

/** The directories with those above them that are there already, as layers usually have them. */
export const withKnownParents = (
  directories: readonly AddedDirectory[],
  tree: DirectoryTree,
): readonly AddedDirectory[] => {
  const known = new Set(directories.flatMap(({ path }) => withParents(path).slice(0, -1)))
  const parents = [...known].flatMap((path) => {
    const facts = tree.find(path)
    return facts === undefined ? [] : [{ path, ...facts }]
  })
  return [...parents, ...directories].sort((left, right) => (left.path < right.path ? -1 : 1))
}

/** The tar of a layer that has these directories and nothing else. */
export const packDirectories = (directories: readonly AddedDirectory[]): AsyncIterable<Uint8Array> => {
  const tar = pack()
  for (const { path, mode, uid, gid } of directories)
    tar.entry({ name: `${path}/`, type: 'directory', mode, uid, gid, mtime: new Date(0) })
  tar.finalize()
  return tar as unknown as AsyncIterable<Uint8Array>
}

/** What the history calls a layer that these instructions made. */
export const nameInstructions = (instructions: readonly Instruction[], keyword: string): string =>
  instructions
    .filter((instruction) => instruction.keyword === keyword)
    .map(({ words }) => `${keyword} ${words.join(' ')}`)
    .join('; ')
