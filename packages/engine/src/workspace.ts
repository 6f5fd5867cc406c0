// Paths that a build may read: inside the workspace once every symbolic link is followed.
import { realpath, stat } from 'node:fs/promises'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'
import { inputFailure } from '@polyarch/oci'

/** Whether `path` is `directory` or below it; both absolute, without symbolic links. */
export const isInside = (directory: string, path: string): boolean => {
  const way = relative(directory, path)
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way))
}

/** The path with every symbolic link followed, or undefined when there is nothing. */
export const findRealPath = async (path: string): Promise<string | undefined> => {
  try {
    return await realpath(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw inputFailure(`${path} cannot be read: ${code ?? (error as Error).message}`, { cause: error })
  }
}

const requireInside = async (input: string, workspace: string, path: string): Promise<string> => {
  const real = await findRealPath(path)
  if (real === undefined) throw inputFailure(`input ${input}: ${path} does not exist`)
  if (!isInside(await realpath(workspace), real))
    throw inputFailure(`input ${input}: ${path} leads to ${real}, outside the workspace ${workspace}`)
  return real
}

/**
 * The build context as a real path.
 * @throws {Failure} input, when it does not exist, is no directory or lies outside the workspace.
 */
export const requireContext = async (workspace: string, context: string): Promise<string> => {
  const real = await requireInside('context', workspace, resolve(workspace, context))
  if (!(await stat(real)).isDirectory())
    throw inputFailure(`input context: ${resolve(workspace, context)} is not a directory`)
  return real
}

/**
 * The Dockerfile as a real path: relative to the context where it is there, else to the workspace.
 * @throws {Failure} input, when it does not exist, is no file or lies outside the workspace.
 */
export const requireDockerfile = async (workspace: string, context: string, dockerfile: string): Promise<string> => {
  const inContext = join(context, dockerfile)
  const candidate =
    !isAbsolute(dockerfile) && (await findRealPath(inContext)) ? inContext : resolve(workspace, dockerfile)
  if (!(await findRealPath(candidate)))
    throw inputFailure(
      `input dockerfile: "${dockerfile}" is neither in the context ${context} nor in the workspace ${workspace}`,
    )
  const real = await requireInside('dockerfile', workspace, candidate)
  if (!(await stat(real)).isFile()) throw inputFailure(`input dockerfile: ${candidate} is not a file`)
  return real
}
