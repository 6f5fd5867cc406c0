// A directory of one run for everything temporary; what killed runs left is removed when the next one opens its own.
import { lstat, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { inputFailure } from '@polyarch/oci'
import { findAbandoned, ownerTag } from './owner.ts'

export interface WorkDirectory extends AsyncDisposable {
  /** Absolute; only this user may enter it. */
  readonly path: string
}

/** Removes a directory, where its files may belong to other ids. */
export type RemoveTree = (directory: string) => Promise<void>

/** Removes a directory whose files are this user's. */
export const removePlainly: RemoveTree = (directory) => rm(directory, { recursive: true, force: true })

/** Where runs keep their temporary directories, below the workspace. */
export const workDirectories = join('.polyarch', 'work')

/**
 * Opens a fresh directory below `.polyarch/work` of the workspace.
 * @throws {Failure} input, when a directory on the way is a symbolic link: the repository must not choose the place.
 */
export const openWorkDirectory = async (
  workspace: string,
  name: string,
  removeTree: RemoveTree = removePlainly,
): Promise<WorkDirectory> => {
  const parent = join(workspace, workDirectories)
  for (const directory of [join(workspace, '.polyarch'), parent]) {
    await mkdir(directory, { recursive: true })
    if (!(await lstat(directory)).isDirectory())
      throw inputFailure(`${directory} is a symbolic link: remove it, temporary files go there`)
  }
  const prefix = `${name}-`
  for (const abandoned of await findAbandoned(parent, prefix)) await removeTree(abandoned)
  const path = await mkdtemp(join(parent, `${prefix}${await ownerTag()}-`))
  return { path, [Symbol.asyncDispose]: () => removeTree(path) }
}
