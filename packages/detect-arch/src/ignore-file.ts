// .dockerignore: which files of a context never reach a build.
import { readFile } from 'node:fs/promises'
import { posix, resolve } from 'node:path'
import dockerignore from '@balena/dockerignore'

export interface IgnoreFile {
  /** Where it lies, relative to the workspace. */
  readonly path: string
  /** Whether the file, relative to the context, is left out. */
  readonly ignores: (path: string) => boolean
}

const readText = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}

const createMatcher = (text: string): ((path: string) => boolean) => {
  const matcher = dockerignore.default({ ignorecase: false }).add(text)
  return (path) => {
    try {
      return matcher.ignores(path)
    } catch (error) {
      // A pattern that is no pattern: the engine decides what it means, so nothing is taken to be left out.
      if (error instanceof SyntaxError) return false
      throw error
    }
  }
}

/** The names that an ignore file for the build may have; the Dockerfile's own wins over the context's. */
export const ignoreFileNames = (build: {
  readonly context: string
  readonly dockerfile: string
}): readonly string[] => [`${build.dockerfile}.dockerignore`, posix.join(build.context, '.dockerignore')]

/** The ignore file of a build, relative to the workspace; undefined where there is none. */
export const readIgnoreFile = async (
  workspace: string,
  build: { readonly context: string; readonly dockerfile: string },
): Promise<IgnoreFile | undefined> => {
  for (const path of ignoreFileNames(build)) {
    const text = await readText(resolve(workspace, path))
    if (text !== undefined) return { path, ignores: createMatcher(text) }
  }
  return undefined
}
