// Writes a first polyarch.yaml from the Dockerfiles that a workspace has.
import { readFile, stat } from 'node:fs/promises'
import { basename, join, posix } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { type Dockerfile, parseDockerfile } from '@polyarch/dockerfile'
import { imageIdOf } from '@polyarch/documents'
import { inputFailure } from '@polyarch/oci'
import { formatConfig } from './config-text.ts'
import { type ImageRequest, plainBuild, plainImage } from './image-request.ts'
import type { WrittenConfig } from './migration.ts'
import { listFiles } from './workspace-files.ts'

const fileName =
  /^(?:Dockerfile|Containerfile)(?:\.(?<suffix>[\w-]+))?$|^(?<prefix>[\w-]+)\.(?:Dockerfile|Containerfile)$/i

const exists = async (path: string): Promise<boolean> => {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}

/** What is copied from the context, as far as it can be looked for: no globs, variables or addresses. */
const copiedPaths = ({ stages }: Dockerfile): string[] =>
  stages
    .flatMap(({ instructions }) => instructions)
    .filter(
      ({ keyword, flags }) => (keyword === 'COPY' || keyword === 'ADD') && !flags.some(({ name }) => name === 'from'),
    )
    .flatMap(({ words, json }) => (json ?? words).slice(0, -1))
    .filter((path) => !/[*?[$<]|:\/\//.test(path))

/** The directory that the Dockerfile copies from: its own, or the root where only that has everything. */
const findContext = async (root: string, file: string, dockerfile: Dockerfile): Promise<string> => {
  const own = posix.dirname(file)
  const paths = copiedPaths(dockerfile)
  const hasAll = async (directory: string): Promise<boolean> =>
    (await Promise.all(paths.map((path) => exists(join(root, directory, path))))).every(Boolean)
  return own !== '.' && !(await hasAll(own)) && (await hasAll('.')) ? '.' : own
}

const idOf = (file: string, workspace: string): string => {
  const { suffix, prefix } = fileName.exec(posix.basename(file))?.groups ?? {}
  const directory = posix.dirname(file)
  const named = suffix ?? prefix
  // In a directory that only collects Dockerfiles, the file's own name is the image's.
  const isCollection = named !== undefined && /^(?:docker|dockerfiles?|build|images)$/i.test(posix.basename(directory))
  const parts = [
    ...(directory === '.' || isCollection ? [] : directory.split('/')),
    ...(named === undefined ? [] : [named]),
  ]
  return imageIdOf(`oci:${parts.length === 0 ? workspace : parts.join('-')}`)
}

const distinctId = (id: string, taken: ReadonlySet<string>): string => {
  if (!taken.has(id)) return id
  for (let number = 2; ; number++) if (!taken.has(`${id}-${number}`)) return `${id}-${number}`
}

/**
 * A first polyarch.yaml: one image per Dockerfile, for the two platforms that most machines have.
 * @throws {Failure} input, where there is no Dockerfile.
 */
export const writeFirstConfig = async (host: Pick<Host, 'directory' | 'exec'>): Promise<WrittenConfig> => {
  const ids = new Set<string>()
  const images: ImageRequest[] = []
  for (const file of await listFiles(host, fileName)) {
    // Other people’s code is not what this workspace is for.
    if (/(?:^|\/)vendor\//.test(file)) continue
    const dockerfile = parseDockerfile(await readFile(join(host.directory, file), 'utf8'))
    // Dockerfile.md and Dockerfile.dockerignore are called like one, and are none.
    if (dockerfile.stages.length === 0) continue
    const id = distinctId(idOf(file, basename(host.directory)), ids)
    ids.add(id)
    images.push({
      ...plainImage,
      id,
      build: { ...plainBuild, context: await findContext(host.directory, file, dockerfile), dockerfile: file },
      platforms: ['linux/amd64', 'linux/arm64'],
      tags: ['{{version}}', 'latest'],
      placeOf: () => ({ file }),
    })
  }
  if (images.length === 0) throw inputFailure('there is no Dockerfile in this workspace')
  return { text: formatConfig(images), images: [...ids], notes: [] }
}
