// What an image's Dockerfile says: what has to run, and what it is built from.
import { posix, resolve } from 'node:path'
import {
  type BuildSettings,
  type Dockerfile,
  executedInstructions,
  requireTarget,
  type SourceImage,
  sourceImages,
} from '@polyarch/dockerfile'
import type { PlannedBuild } from '@polyarch/documents'
import { Failure, inputFailure, parsePlatform } from '@polyarch/oci'
import type { openBuildFiles } from './build-files.ts'
import { findContext, findDockerfile } from './build-paths.ts'
import type { BuildRequest, ImageRequest } from './image-request.ts'
import type { Problem } from './problem.ts'
import type { FetchSource } from './remote-source.ts'
import type { ExecutedLine } from './runner-choice.ts'

export interface BuildFacts {
  readonly build: PlannedBuild
  readonly dockerfile: Dockerfile
  /** What has to run while it is built for the platform on a machine of the other. */
  readonly executed: (platform: string, buildPlatform: string) => readonly ExecutedLine[]
  /** The images that it is built from, for the platform on a machine of the other. */
  readonly sources: (platform: string, buildPlatform: string) => readonly SourceImage[]
}

/** What the build of a platform on a machine of the other knows. */
export const settingsOf = (build: PlannedBuild, platform: string, buildPlatform: string): BuildSettings => ({
  target: build.target,
  args: build.args,
  platform: parsePlatform(platform),
  buildPlatform: parsePlatform(buildPlatform),
})

/** The facts of a build from its Dockerfile. */
const describeBuild = (build: PlannedBuild, dockerfile: Dockerfile): BuildFacts => ({
  build,
  dockerfile,
  executed: (platform, buildPlatform) =>
    executedInstructions(dockerfile, settingsOf(build, platform, buildPlatform)).map((instruction) => ({
      ...instruction,
      file: build.dockerfile,
    })),
  sources: (platform, buildPlatform) => sourceImages(dockerfile, settingsOf(build, platform, buildPlatform)),
})

/** What facts are read from. */
export interface BuildWorkspace {
  readonly directory: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly files: ReturnType<typeof openBuildFiles>
  readonly fetchSource: FetchSource
}

/** The build arguments; those without a value have the environment's, as with docker. */
const resolveArgs = ({ args }: BuildRequest, env: BuildWorkspace['env']): Record<string, string> =>
  Object.fromEntries(
    Object.entries(args).map(([name, value]) => {
      const found = value ?? env[name]
      if (found === undefined) throw inputFailure(`build argument "${name}" has no value, and the environment has none`)
      return [name, found]
    }),
  )

/** The keys of an image in which a build can be wrong. */
type BuildKey = 'build-args' | 'source' | 'context' | 'dockerfile' | 'target'

/** What is built, relative to the workspace; `reading` is told of each key before its value is looked at. */
const locate = async (
  request: BuildRequest,
  { directory, env, fetchSource }: BuildWorkspace,
  reading: (key: BuildKey) => void,
): Promise<PlannedBuild> => {
  const settings = {
    target: request.target,
    args: resolveArgs(request, env),
    ...(request.allow.length === 0 ? {} : { allow: [...request.allow] }),
  }
  reading('source')
  const source = request.source && (await fetchSource(request.source))
  const root = source?.directory ?? '.'
  const workspace = resolve(directory, root)
  reading('context')
  const context = await findContext(workspace, request.context)
  reading('dockerfile')
  const dockerfile = await findDockerfile(workspace, request.dockerfile)
  return {
    context: posix.join(root, context),
    dockerfile: posix.join(root, dockerfile),
    ...settings,
    remote: source && { url: source.url, ref: source.ref, commit: source.commit },
  }
}

/** The facts of a build; undefined where something is wrong, which is added to the problems. */
export const readBuildFacts = async (
  image: ImageRequest,
  request: BuildRequest,
  workspace: BuildWorkspace,
  problems: Problem[],
): Promise<BuildFacts | undefined> => {
  let key: BuildKey = 'build-args'
  try {
    const build = await locate(request, workspace, (next) => {
      key = next
    })
    const { dockerfile, problems: mistakes } = await workspace.files(build.dockerfile)
    problems.push(...mistakes)
    if (mistakes.length > 0) return undefined
    key = 'target'
    if (dockerfile.stages.length > 0) requireTarget(dockerfile, request.target)
    return describeBuild(build, dockerfile)
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== 'input') throw error
    problems.push({ place: image.placeOf(key), message: `${image.id}: ${error.message}` })
    return undefined
  }
}
