// A directory of one run for everything temporary; what killed runs left is removed when the next one opens its own.
import { lstat, mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
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

/** Removes the directory if nothing is in it. */
const removeIfEmpty = async (directory: string): Promise<void> => {
  try {
    await rmdir(directory)
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

const makeDirectory = async (workspace: string, prefix: string, removeTree: RemoveTree): Promise<string> => {
  const parent = join(workspace, workDirectories)
  for (const directory of [join(workspace, '.polyarch'), parent]) {
    await mkdir(directory, { recursive: true })
    if (!(await lstat(directory)).isDirectory())
      throw inputFailure(`${directory} is a symbolic link: remove it, temporary files go there`)
  }
  for (const abandoned of await findAbandoned(parent, prefix)) await removeTree(abandoned)
  return await mkdtemp(join(parent, `${prefix}${await ownerTag()}-`))
}

/**
 * Opens a fresh directory below `.polyarch/work` of the workspace.
 * @throws {Failure} input, when a directory on the way is a symbolic link: the repository must not choose the place.
 */
export const openWorkDirectory = async (
  workspace: string,
  name: string,
  removeTree: RemoveTree = removePlainly,
): Promise<WorkDirectory> => {
  const make = () => makeDirectory(workspace, `${name}-`, removeTree)
  const path = await make().catch((error: NodeJS.ErrnoException) => {
    // Another run ended at this moment and removed the directory that it left empty.
    if (error.code === 'ENOENT') return make()
    throw error
  })
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await removeTree(path)
      for (const directory of [dirname(path), dirname(dirname(path))]) await removeIfEmpty(directory)
    },
  }
}
