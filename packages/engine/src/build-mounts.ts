// Directories of this machine that the commands of a build work on.
import { isAbsolute } from 'node:path'
import { inputFailure } from '@polyarch/oci'

/**
 * A directory of this machine that every RUN sees, and may write to: nothing below its path is part of the image, and
 * a RUN that is taken from a cache writes nothing.
 */
export interface BuildMount {
  /** Absolute, without symbolic links. */
  readonly directory: string
  /** Where commands see it: absolute, of plain letters, digits and `._-/`. */
  readonly path: string
}

/** Where a root has what every build needs, or what an engine keeps for itself. */
const taken = ['/dev', '/etc', '/kaniko', '/proc', '/sys']

const isUsable = (path: string): boolean =>
  /^(?:\/[\w.-]+)+$/.test(path) &&
  !path.split('/').some((name) => name === '.' || name === '..') &&
  !taken.some((place) => path === place || path.startsWith(`${place}/`))

/**
 * The mounts, once it is sure that every engine takes them.
 * @throws {Failure} input, naming a path that a directory cannot be mounted at.
 */
export const checkMounts = (mounts: readonly BuildMount[]): readonly BuildMount[] => {
  for (const { directory, path } of mounts) {
    if (!isUsable(path))
      throw inputFailure(
        `nothing can be mounted at ${path}: expected an absolute path of letters, digits and . _ - that is not in ${taken.join(', ')}`,
      )
    if (!isAbsolute(directory)) throw inputFailure(`${directory} cannot be mounted at ${path}: it is not absolute`)
  }
  return mounts
}
