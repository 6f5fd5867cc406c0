// A trial: a Dockerfile that uses one feature, and what the right image of it is.
import { isDeepStrictEqual } from 'node:util'
import type { Feature, Harm } from '@polyarch/dockerfile'
import type { BuiltFile, BuiltImage } from './built-image.ts'
import type { Scene } from './scene.ts'

/** A file's text, null where there may be none, or single facts of it. */
export type ExpectedFile = string | null | Partial<BuiltFile>

export interface ExpectedImage {
  readonly files?: Readonly<Record<string, ExpectedFile>>
  /** Members that the config has, `config` of the config among them. */
  readonly architecture?: string
  readonly env?: readonly string[]
  readonly healthcheck?: Readonly<Record<string, unknown>>
  readonly cmd?: readonly string[]
  /** The last words of Entrypoint and Cmd: what a shell is told to run. */
  readonly scripts?: readonly (string | undefined)[]
}

export interface RightFailure {
  readonly fails: RegExp
}

export interface Trial {
  /** What it shows, where a feature has several. */
  readonly name: string
  readonly dockerfile: (scene: Scene) => string
  readonly files?: Readonly<Record<string, string | Uint8Array>>
  readonly target?: string
  /** Default: this machine's. */
  readonly platform?: string
  readonly secrets?: Readonly<Record<string, string>>
  /** Whether the build may use an SSH agent. */
  readonly ssh?: true
  /** Whether RUN --security=insecure is granted. */
  readonly insecure?: true
  /** The image as the Dockerfile reference has it, or what the message says where it says that the build has to fail. */
  readonly right: ExpectedImage | RightFailure
  /** What only a verdict of `ok` promises: a verdict of `warn` says that it is lost. */
  readonly loss?: true
}

export type Trials = Readonly<Record<Feature, readonly Trial[]>>

/** How a trial ended, and where it was not right, in what. */
export type TrialEnd = { readonly how: 'right' } | { readonly how: Harm; readonly what: string }

const differences = (place: string, actual: unknown, expected: unknown): string[] =>
  isDeepStrictEqual(actual, expected)
    ? []
    : [`${place} is ${JSON.stringify(actual) ?? 'not there'}, not ${JSON.stringify(expected)}`]

const fileDifferences = (path: string, actual: BuiltFile | undefined, expected: ExpectedFile): string[] => {
  if (expected === null) return actual === undefined ? [] : [`/${path} is in the image`]
  if (actual === undefined) return [`/${path} is not in the image`]
  const facts = typeof expected === 'string' ? { text: expected } : expected
  return Object.entries(facts).flatMap(([fact, value]) =>
    differences(`${fact} of /${path}`, actual[fact as keyof BuiltFile], value),
  )
}

/** In what the image is not the right one; empty where it is. */
export const compareImage = ({ config, files }: BuiltImage, expected: ExpectedImage): string => {
  const { Env, Healthcheck, Cmd, Entrypoint } = (config.config ?? {}) as {
    readonly Cmd?: readonly string[]
    readonly Entrypoint?: readonly string[]
    readonly Env?: readonly string[]
    readonly Healthcheck?: Readonly<Record<string, unknown>>
  }
  return [
    ...Object.entries(expected.files ?? {}).flatMap(([path, file]) => fileDifferences(path, files.get(path), file)),
    ...(expected.architecture === undefined
      ? []
      : differences('architecture', config.architecture, expected.architecture)),
    ...(expected.env ?? []).filter((entry) => !Env?.includes(entry)).map((entry) => `ENV has no ${entry}`),
    ...Object.entries(expected.healthcheck ?? {}).flatMap(([fact, value]) =>
      differences(`${fact} of the healthcheck`, Healthcheck?.[fact], value),
    ),
    ...(expected.cmd === undefined ? [] : differences('CMD', Cmd, expected.cmd)),
    ...(expected.scripts === undefined
      ? []
      : differences('what is started', [Entrypoint?.at(-1), Cmd?.at(-1)], expected.scripts)),
  ].join('; ')
}
