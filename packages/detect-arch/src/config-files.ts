// Reads the files that say which images there are: polyarch.yaml, or else every build-config.yaml.
import { readFile } from 'node:fs/promises'
import { basename, isAbsolute, relative, resolve } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { inputFailure } from '@polyarch/oci'
import { buildConfigName, readBuildConfig } from './build-config.ts'
import { readConfig } from './config.ts'
import type { ImageRequest, PlanRequest } from './image-request.ts'
import { type Problem, problemsFailure } from './problem.ts'
import { requestProblems } from './request-check.ts'
import { listFiles } from './workspace-files.ts'

export const defaultConfig = 'polyarch.yaml'

/** The text of a file; undefined where there is none. */
const readText = async (file: string): Promise<string | undefined> => {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw inputFailure(`cannot read ${file}: ${code ?? String(error)}`, { cause: error })
  }
}

/** What build-config.yaml files ask for together; `read` gives the text of each. */
const readBuildConfigs = async (
  files: readonly string[],
  read: (file: string) => Promise<string | undefined>,
  workspaceName: string,
): Promise<PlanRequest> => {
  const problems: Problem[] = []
  const images: ImageRequest[] = []
  const skipped = new Map<string, string>()
  const texts = await Promise.all(files.map(async (file) => ({ file, text: await read(file) })))
  for (const { file, text } of texts) {
    if (text === undefined) continue
    const result = readBuildConfig(text, file, workspaceName)
    problems.push(...result.problems)
    images.push(...result.images)
    for (const [id, reason] of result.skipped) skipped.set(id, reason)
  }
  problems.push(...requestProblems(images, []))
  const places = new Map<string, string>()
  for (const { id, placeOf } of images) {
    const first = places.get(id)
    if (first === undefined) places.set(id, placeOf().file)
    else
      problems.push({
        place: placeOf(),
        message: `image ${id} is described by ${first} too: rename one of the directories`,
      })
  }
  if (problems.length > 0) throw problemsFailure(problems)
  return { images, runners: {}, files, skipped }
}

/**
 * What the build-config.yaml files of the workspace ask for; undefined where there are none.
 * @throws {Failure} input, listing every problem of every file.
 */
export const readBuildConfigFiles = async (
  host: Pick<Host, 'directory' | 'exec'>,
): Promise<PlanRequest | undefined> => {
  const files = await listFiles(host, /^build-config\.yaml$/)
  if (files.length === 0) return undefined
  return await readBuildConfigs(files, (file) => readText(resolve(host.directory, file)), basename(host.directory))
}

/**
 * What the config file at the path, or without one the files of the workspace, ask for; undefined where there are none.
 * @throws {Failure} input, listing every problem of every file.
 */
export const readConfigFiles = async (path: string | undefined, host: Host): Promise<PlanRequest | undefined> => {
  const file = resolve(host.directory, path ?? defaultConfig)
  const below = relative(host.directory, file)
  const name = below.startsWith('..') || isAbsolute(below) ? file : below
  const text = await readText(file)
  if (text !== undefined && basename(file) !== buildConfigName) return readConfig(text, name)
  if (path !== undefined && text === undefined) throw inputFailure(`input config: there is no file ${path}`)
  if (text === undefined) return await readBuildConfigFiles(host)
  return await readBuildConfigs([name], () => Promise.resolve(text), basename(host.directory))
}

/**
 * What the files asked for when they held other texts.
 * @throws {Failure} input, when they were wrong then.
 */
export const readOldConfigFiles = async (
  files: readonly string[],
  read: (file: string) => Promise<string | undefined>,
  host: Pick<Host, 'directory'>,
): Promise<readonly ImageRequest[]> => {
  const [only] = files
  if (only !== undefined && basename(only) !== buildConfigName) {
    const text = await read(only)
    return text === undefined ? [] : readConfig(text, only).images
  }
  return (await readBuildConfigs(files, read, basename(host.directory))).images
}
