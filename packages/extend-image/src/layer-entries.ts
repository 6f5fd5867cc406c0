// Which entries of a layer an extension made, and which the engine only needed to run it; pure.
import type { DirectoryTree, TreeEntry } from './directory-tree.ts'

/** What is decided by. */
export interface EntryFacts extends TreeEntry {
  /** Whether the entry carries extended attributes. */
  readonly hasAttributes: boolean
  /** Of a hard link: the path of the entry that has its bytes. */
  readonly target?: string
}

const whiteout = '.wh.'
const opaque = '.wh..wh..opq'

const parentOf = (path: string): string => path.slice(0, Math.max(path.lastIndexOf('/'), 0))
const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

/** What the entry is about: of a whiteout, what it hides. */
const subjectOf = (path: string): string => {
  const name = nameOf(path)
  if (name === opaque) return parentOf(path)
  if (!name.startsWith(whiteout)) return path
  const parent = parentOf(path)
  return `${parent}${parent === '' ? '' : '/'}${name.slice(whiteout.length)}`
}

const isBelow = (path: string, directory: string): boolean =>
  directory === '' ? path !== '' : path.startsWith(`${directory}/`)

/** What container runtimes mount over, so that the lifecycle's extender, which runs in a container, never sees it change. */
const runtimePaths = ['dev', 'proc', 'sys', 'var/run', 'etc/hosts', 'etc/hostname', 'etc/resolv.conf']

/** What an engine makes for itself. */
export interface EngineTraces {
  /** Directories, of the app, layers and platform, that each RUN sees and no layer holds; absolute. */
  readonly mounts: readonly string[]
  /** Directories that the engine makes where the image has none, if nothing is in them. */
  readonly stubs: readonly string[]
}

const isRedundant = (
  entry: EntryFacts,
  tree: DirectoryTree,
  mounts: readonly string[],
  stubs: readonly string[],
): boolean => {
  if (entry.type !== 'directory' || entry.hasAttributes) return false
  const below = tree.find(entry.path)
  if (below === undefined) {
    const isOrdinary = (entry.mode & 0o7777) === 0o755 && entry.uid === 0 && entry.gid === 0
    return (
      (isOrdinary && (entry.path === '' || stubs.includes(entry.path))) ||
      mounts.some((mount) => isBelow(mount, entry.path))
    )
  }
  return below.mode === (entry.mode & 0o7777) && below.uid === entry.uid && below.gid === entry.gid
}

/**
 * For each entry of a layer, whether it stays. What the engine or a container runtime mounts goes, and so do directories
 * that are as they were and in which nothing stays. `tree` is that of the layers below.
 */
export const keepEntries = (
  entries: readonly EntryFacts[],
  tree: DirectoryTree,
  traces: EngineTraces,
): readonly boolean[] => {
  const mounts = traces.mounts.map((path) => path.replace(/^\/+|\/+$/g, '')).filter((path) => path !== '')
  const excluded = [...runtimePaths, ...mounts]
  const kept = entries.map(({ path }) => {
    const subject = subjectOf(path)
    return !excluded.some((directory) => subject === directory || isBelow(subject, directory))
  })
  // A hard link without its file could not be unpacked.
  const targets = new Set(
    entries.flatMap(({ target }, position) => (kept[position] && target !== undefined ? [target] : [])),
  )
  for (const [position, { path, type }] of entries.entries())
    if (type === 'file' && targets.has(path)) kept[position] = true
  const needed = new Set<string>()
  const need = (path: string): void => {
    for (let parent = parentOf(path); parent !== '' && !needed.has(parent); parent = parentOf(parent))
      needed.add(parent)
  }
  // From the deepest up: whether a directory stays decides about those above it.
  const order = entries.map((_, position) => position).filter((position) => kept[position])
  const depth = (position: number): number => {
    const { path } = entries[position] as EntryFacts
    return path === '' ? 0 : path.split('/').length
  }
  order.sort((left, right) => depth(right) - depth(left))
  for (const position of order) {
    const entry = entries[position] as EntryFacts
    if (!needed.has(entry.path) && isRedundant(entry, tree, mounts, traces.stubs)) kept[position] = false
    else if (entry.path !== '') need(entry.path)
  }
  return kept
}
