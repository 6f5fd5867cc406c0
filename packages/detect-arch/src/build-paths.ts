// Finds an image's context and Dockerfile in the workspace, and refuses what lies outside of it.
import { realpath, stat } from 'node:fs/promises'
import { isAbsolute, relative, resolve, sep } from 'node:path'
import { inputFailure } from '@polyarch/oci'

const within = (directory: string, path: string): string | undefined => {
  const below = relative(directory, path)
  if (below === '') return '.'
  return below === '..' || below.startsWith(`..${sep}`) || isAbsolute(below) ? undefined : below.replaceAll(sep, '/')
}

const isAbsent = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'].includes((error as NodeJS.ErrnoException).code ?? '')

/** The path below the workspace; both it and what its symbolic links lead to have to be inside. */
const findInside = async (workspace: string, what: 'context' | 'Dockerfile', path: string): Promise<string> => {
  const below = within(workspace, resolve(workspace, path))
  if (below === undefined)
    throw inputFailure(`the ${what} ${path} is outside the workspace: only what is inside can be built`)
  let real: string
  try {
    real = await realpath(resolve(workspace, path))
  } catch (error) {
    if (!isAbsent(error)) throw error
    throw inputFailure(`there is no ${what === 'context' ? 'directory' : 'Dockerfile'} ${below}`, { cause: error })
  }
  if (within(await realpath(workspace), real) === undefined)
    throw inputFailure(`the ${what} ${path} is a link to outside the workspace: only what is inside can be built`)
  const kind = await stat(real)
  if (what === 'context' && !kind.isDirectory()) throw inputFailure(`the context ${below} is not a directory`)
  if (what === 'Dockerfile' && !kind.isFile()) throw inputFailure(`the Dockerfile ${below} is not a file`)
  return below
}

/**
 * The path of a directory below the workspace, with `/`; "." for the workspace itself.
 * @throws {Failure} input, where it is none or outside.
 */
export const findContext = (workspace: string, path: string): Promise<string> => findInside(workspace, 'context', path)

/**
 * The path of a Dockerfile below the workspace, with `/`.
 * @throws {Failure} input, where it is none or outside.
 */
export const findDockerfile = (workspace: string, path: string): Promise<string> =>
  findInside(workspace, 'Dockerfile', path)
