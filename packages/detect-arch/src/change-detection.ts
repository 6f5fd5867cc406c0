// Finds out which images a change touches: git's changes, held against contexts, Dockerfiles and configs.
import { resolve } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { Failure } from '@polyarch/oci'
import { changedRequests, findTouching, withDependents } from './change.ts'
import { type Changes, findChanges } from './changed-paths.ts'
import { readOldConfigFiles } from './config-files.ts'
import { ignoreFileNames, readIgnoreFile } from './ignore-file.ts'
import type { ImageRequest, PlanRequest } from './image-request.ts'

export interface Candidate {
  readonly request: ImageRequest
  readonly build: { readonly context: string; readonly dockerfile: string } | null
  /** Instead of a build: the application of an extension, all of which counts. */
  readonly extend: { readonly context: string } | undefined
  /** The images that it needs, said or found. */
  readonly needs: readonly string[]
}

export interface Detection {
  /** Why each image that is built is built; an image that is not here is unchanged. */
  readonly changed: ReadonlyMap<string, string>
  /** What an unchanged image is skipped with. */
  readonly unchanged: string
}

/** The images that the config files asked for at the base; undefined where it cannot be told. */
const readOldImages = async (
  files: readonly string[],
  changes: Changes,
  host: Host,
): Promise<readonly ImageRequest[] | undefined> => {
  try {
    return await readOldConfigFiles(files, changes.readOld, host)
  } catch (error) {
    // A file that was wrong before says nothing of what was built: then all of its images are new.
    if (error instanceof Failure) return undefined
    throw error
  }
}

/** Whether a remote source can be another one than last time: only a commit stays what it is. */
const mayHaveMoved = ({ build }: ImageRequest): boolean =>
  build?.source != null && !/^[0-9a-f]{40}$/.test(build.source.ref)

const reasonFor = async (
  { request, build, extend }: Candidate,
  changes: Changes,
  entries: ReadonlySet<string>,
  directory: string,
): Promise<string | undefined> => {
  if (entries.has(request.id)) return 'what is asked for changed'
  if (mayHaveMoved(request)) return `its source ${request.build?.source?.ref} may have moved`
  const local = request.build?.source == null ? build : null
  const path = findTouching(
    {
      id: request.id,
      build: local ?? extend ?? null,
      watch: request.watch,
      ignore: local === null ? undefined : await readIgnoreFile(resolve(directory), local),
      ignoreNames: local === null ? [] : ignoreFileNames(local),
    },
    changes.paths,
  )
  return path === undefined ? undefined : `${path} changed`
}

/**
 * The images that were touched since `changed-since`; undefined where everything is built, which the log explains.
 * @throws {Failure} input, for a ref that does not exist.
 */
export const detectChanges = async (
  since: string,
  request: PlanRequest,
  candidates: readonly Candidate[],
  host: Host,
): Promise<Detection | undefined> => {
  const answer = await findChanges(since, host)
  if ('everything' in answer) {
    host.log.info(`everything is built: ${answer.everything}`)
    return undefined
  }
  const base = answer.base.slice(0, 7)
  const requests = candidates.map((candidate) => candidate.request)
  let entries = new Set<string>()
  if (request.files.some((file) => answer.paths.includes(file))) {
    const old = await readOldImages(request.files, answer, host)
    entries = old ? changedRequests(old, requests) : new Set(requests.map(({ id }) => id))
  }
  const reasons = await Promise.all(
    candidates.map(async (candidate): Promise<[string, string] | undefined> => {
      const reason = await reasonFor(candidate, answer, entries, host.directory)
      return reason === undefined ? undefined : [candidate.request.id, reason]
    }),
  )
  const changed = withDependents(
    new Map(reasons.filter((entry) => entry !== undefined)),
    candidates.map(({ request: { id }, needs }) => ({ id, needs })),
  )
  host.log.info(
    `compared with ${base}: ${answer.paths.length} changed paths touch ${changed.size} of ${candidates.length} images`,
  )
  for (const [id, reason] of changed) host.log.info(`${id}: ${reason}`)
  return { changed, unchanged: `unchanged since ${base}` }
}
