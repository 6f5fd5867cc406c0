// What an image's Dockerfile says: what has to run, and what it is built from.
import { resolve } from 'node:path'
import {
  type BuildSettings,
  type Dockerfile,
  executedInstructions,
  requireTarget,
  type SourceImage,
  sourceImages,
} from '@polyarch/dockerfile'
import type { PlannedBuild } from '@polyarch/documents'
import { Failure, parsePlatform } from '@polyarch/oci'
import type { openBuildFiles } from './build-files.ts'
import { findBuildPaths } from './build-paths.ts'
import type { BuildRequest, ImageRequest } from './image-request.ts'
import type { Problem } from './problem.ts'
import type { ExecutedLine } from './runner-choice.ts'

export interface BuildFacts {
  readonly build: PlannedBuild
  readonly dockerfile: Dockerfile
  /** What has to run while it is built for the platform on a machine of the other. */
  readonly executed: (platform: string, buildPlatform: string) => readonly ExecutedLine[]
  /** The images that it is built from, for the platform. */
  readonly sources: (platform: string) => readonly SourceImage[]
}

const settingsOf = (build: BuildRequest, platform: string, buildPlatform: string): BuildSettings => ({
  target: build.target,
  args: build.args,
  platform: parsePlatform(platform),
  buildPlatform: parsePlatform(buildPlatform),
})

/** The facts of a build from its Dockerfile. */
export const describeBuild = (build: PlannedBuild, dockerfile: Dockerfile, request: BuildRequest): BuildFacts => ({
  build,
  dockerfile,
  executed: (platform, buildPlatform) =>
    executedInstructions(dockerfile, settingsOf(request, platform, buildPlatform)).map((instruction) => ({
      ...instruction,
      file: build.dockerfile,
    })),
  sources: (platform) => sourceImages(dockerfile, settingsOf(request, platform, platform)),
})

/**
 * The facts of a build whose files lie in the workspace; undefined where something is wrong, which is added to
 * the problems.
 */
export const readBuildFacts = async (
  image: ImageRequest,
  request: BuildRequest,
  workspace: { readonly directory: string; readonly files: ReturnType<typeof openBuildFiles> },
  problems: Problem[],
): Promise<BuildFacts | undefined> => {
  const complain = (key: string, message: string): undefined => {
    problems.push({ place: image.placeOf(key), message: `${image.id}: ${message}` })
    return undefined
  }
  try {
    const paths = await findBuildPaths(resolve(workspace.directory), request)
    const { dockerfile, problems: mistakes } = await workspace.files(paths.dockerfile)
    problems.push(...mistakes)
    if (mistakes.length > 0) return undefined
    if (dockerfile.stages.length > 0) requireTarget(dockerfile, request.target)
    return describeBuild(
      { ...paths, target: request.target, args: { ...request.args }, remote: null },
      dockerfile,
      request,
    )
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const { message } = error
    return complain(
      message.includes('stage') ? 'target' : message.includes('ockerfile') ? 'dockerfile' : 'context',
      message,
    )
  }
}
