// The directories of volumes that an engine did not make: the lifecycle's extender makes them, BuildKit does not.
import type { Instruction } from '@polyarch/dockerfile'
import type { ImageConfig } from '@polyarch/oci'
import { pack } from 'tar-stream'
import type { DirectoryTree } from './directory-tree.ts'

const volumesOf = ({ config }: ImageConfig): string[] => {
  const volumes = config?.['Volumes']
  return typeof volumes === 'object' && volumes !== null ? Object.keys(volumes) : []
}

/** The directory and those above it, from the top down; without leading `/`. */
const withParents = (path: string): string[] => {
  const names = path.split('/').filter((name) => name !== '' && name !== '.')
  return names.map((_, index) => names.slice(0, index + 1).join('/'))
}

/** The directories that the image's new volumes lack, from the top down. */
export const missingVolumes = (base: ImageConfig, built: ImageConfig, tree: DirectoryTree): readonly string[] => {
  const known = new Set(volumesOf(base))
  const added = volumesOf(built).filter((path) => !known.has(path) && !path.split('/').includes('..'))
  const wanted = added.filter((path) => tree.find(withParents(path).at(-1) ?? '') === undefined)
  return [...new Set(wanted.flatMap(withParents))].filter((path) => tree.find(path) === undefined).sort()
}

/** The tar of a layer that has these directories, root's and for everyone to enter, and nothing else. */
export const packDirectories = (directories: readonly string[]): AsyncIterable<Uint8Array> => {
  const tar = pack()
  for (const name of directories) tar.entry({ name: `${name}/`, type: 'directory', mode: 0o755, mtime: new Date(0) })
  tar.finalize()
  return tar as unknown as AsyncIterable<Uint8Array>
}

/** What the history calls that layer: the instructions that name volumes. */
export const nameVolumes = (instructions: readonly Instruction[]): string =>
  instructions
    .filter(({ keyword }) => keyword === 'VOLUME')
    .map(({ words }) => `VOLUME ${words.join(' ')}`)
    .join('; ')
