// What somebody asked to be built: one shape for polyarch.yaml, build-config.yaml and single-image inputs.
import { posix } from 'node:path'
import type { Allowance, EngineName } from '@polyarch/dockerfile'
import type { Place } from './problem.ts'
import type { RunnerMap } from './runner-map.ts'

export type EngineChoice = 'auto' | EngineName
export type Emulate = 'auto' | 'allow' | 'never'

export interface RemoteSource {
  readonly url: string
  readonly ref: string
}

export interface BuildRequest {
  /** Relative to the workspace, or to the root of the remote source. */
  readonly context: string
  /** Relative to the same. */
  readonly dockerfile: string
  readonly target: string | null
  /** Null: the value that the environment has. */
  readonly args: Readonly<Record<string, string | null>>
  readonly source: RemoteSource | null
  /** Preflight findings that are fine here. */
  readonly allow: readonly Allowance[]
}

/** A base image of Cloud Native Buildpacks that is extended, by Dockerfiles that no plan can know. */
export interface ExtensionRequest {
  readonly kind: 'run' | 'build'
  /** The application, relative to the workspace. */
  readonly context: string
  /** Where the lifecycle's phases leave their files, `{{platform}}` standing for a leg's platform. */
  readonly layers: string
}

export interface ImageRequest {
  readonly id: string
  /** Null where every platform is built elsewhere, and where another image is extended. */
  readonly build: BuildRequest | null
  /** Absent where nothing is extended. */
  readonly extend?: ExtensionRequest
  /** Null: the default for its id. */
  readonly repositories: readonly string[] | null
  /** Null: the platform of this machine. */
  readonly platforms: readonly string[] | 'auto' | null
  /** Tags and templates of tags. */
  readonly tags: readonly string[]
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly engine: EngineChoice
  readonly emulate: Emulate
  readonly needs: readonly string[]
  readonly watch: readonly string[]
  readonly prebuilt: Readonly<Record<string, string>>
  /** Where a part of it is written; no path is where the image itself is. */
  readonly placeOf: (...path: (string | number)[]) => Place
}

/** A build of which nothing but its place is said. */
export const plainBuild: Omit<BuildRequest, 'context' | 'dockerfile'> = {
  target: null,
  args: {},
  source: null,
  allow: [],
}

/** An image of which nothing is said. */
export const plainImage: Omit<ImageRequest, 'id' | 'placeOf'> = {
  build: null,
  repositories: null,
  platforms: null,
  tags: [],
  labels: {},
  annotations: {},
  engine: 'auto',
  emulate: 'auto',
  needs: [],
  watch: [],
  prebuilt: {},
}

/** Everything that was asked for, and the runners to build it on. */
export interface PlanRequest {
  readonly images: readonly ImageRequest[]
  readonly runners: RunnerMap
  /** What `auto` chooses from, the best first; absent: the default. */
  readonly engines?: readonly EngineName[] | undefined
  /** The files that say so, relative to the workspace. */
  readonly files: readonly string[]
  /** What they describe but cannot be built here, by id, with the reason. */
  readonly skipped: ReadonlyMap<string, string>
}

/** The path of a Dockerfile that is written relative to its context. */
export const dockerfileIn = (context: string, dockerfile: string): string =>
  posix.isAbsolute(dockerfile) ? dockerfile : posix.join(context, dockerfile)
