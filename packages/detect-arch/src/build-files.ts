// Reads the Dockerfiles of the images that are planned; one that several images share is read once.
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Dockerfile, parseDockerfile } from '@polyarch/dockerfile'
import type { Problem } from './problem.ts'

export interface BuildFile {
  readonly dockerfile: Dockerfile
  /** Mistakes that no engine would build; none for a frontend of its own, whose language nobody here knows. */
  readonly problems: readonly Problem[]
}

/** Reads Dockerfiles below a directory. */
export const openBuildFiles = (directory: string) => {
  const files = new Map<string, Promise<BuildFile>>()
  const load = async (file: string): Promise<BuildFile> => {
    const dockerfile = parseDockerfile(await readFile(resolve(directory, file), 'utf8'))
    const foreign = dockerfile.directives.some(
      ({ name, value }) => name === 'syntax' && !value.includes('docker/dockerfile'),
    )
    const problems = foreign ? [] : dockerfile.problems.map(({ line, message }) => ({ place: { file, line }, message }))
    return { dockerfile, problems }
  }
  /** The Dockerfile, its path relative to the directory. */
  return (file: string): Promise<BuildFile> => {
    const known = files.get(file) ?? load(file)
    files.set(file, known)
    return known
  }
}
