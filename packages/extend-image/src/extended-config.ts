// The config of an extended image: what the lifecycle makes of the engine's.
import { normaliseConfig } from '@polyarch/engine'
import type { Digest, ImageConfig } from '@polyarch/oci'
import type { ExtendKind } from './analyzed.ts'
import { isRoot, userOf } from './extension-args.ts'
import { lifecycleFailure } from './lifecycle-failure.ts'
import type { ExtendOutput } from './plan.ts'

/** Whether an app image may be rebased onto another run image (buildpacks/spec, platform.md). */
const rebasableLabel = 'io.buildpacks.rebasable'

/** What a history entry of an image says; image-spec config.md. */
export interface HistoryEntry {
  readonly created_by?: string
  readonly empty_layer?: boolean
  readonly [key: string]: unknown
}

/** The moment that the lifecycle writes into what it extends. */
const noTime = '0001-01-01T00:00:00Z'

const truths = ['1', 't', 'T', 'TRUE', 'true', 'True']

/** Whether an image says that what is built on it can be rebased; what says nothing, or something else, says no. */
export const isRebasable = ({ config }: ImageConfig): boolean => truths.includes(config?.Labels?.[rebasableLabel] ?? '')

/** One entry for each layer; where an image's history has other ones, nothing is known of any layer. */
export const normaliseHistory = (config: ImageConfig): readonly HistoryEntry[] => {
  const layers = config.rootfs.diff_ids.length
  const { history } = config
  const entries = Array.isArray(history)
    ? (history as unknown[]).filter(
        (entry): entry is HistoryEntry =>
          typeof entry === 'object' && entry !== null && (entry as HistoryEntry).empty_layer !== true,
      )
    : []
  return entries.length === layers ? entries : Array.from({ length: layers }, () => ({}))
}

/** The history entry of a layer that an extension made. */
export const extensionHistory = (createdBy: string, extension: string): HistoryEntry => ({
  created: noTime,
  created_by: `Layer: '${createdBy}', Created by extension: ${extension}`,
})

/** What engines add to how containers run although nobody asked: it means what its absence means. */
const engineDefaults: Readonly<Record<string, unknown>> = { WorkingDir: '/', ArgsEscaped: true }

/**
 * The config after a Dockerfile: how containers run is as the engine says it, everything else as the base says it.
 * Notes that engines make for themselves are not in it.
 */
export const mergeConfig = (
  base: ImageConfig,
  built: ImageConfig,
  diffIds: readonly Digest[],
  history: readonly HistoryEntry[],
): ImageConfig => {
  const [before, after] = [normaliseConfig(base).config ?? {}, normaliseConfig(built).config ?? {}]
  const said = Object.entries(after).filter(
    ([field, value]) => Object.hasOwn(before, field) || engineDefaults[field] !== value,
  )
  return { ...base, config: Object.fromEntries(said), rootfs: { type: 'layers', diff_ids: diffIds }, history }
}

/** What came of one Dockerfile, for the rules about users and rebasing. */
export interface AppliedDockerfile {
  readonly path: string
  readonly config: ImageConfig
}

/** What the lifecycle says of a Dockerfile that leaves root as the user; undefined where it does not. */
export const describeRoot = ({ path, config }: AppliedDockerfile, before: ImageConfig): string | undefined => {
  const user = userOf(config)
  return isRoot(user)
    ? `Extension from ${path} changed the user ID from ${userOf(before).user} to ${user.user}; this must not be the final user ID (a following extension must reset the user).`
    : undefined
}

/** What it says of a final user that is another one than the first; undefined where it is the same. */
export const describeFinalUser = (base: ImageConfig, final: ImageConfig): string | undefined => {
  const [{ user: original }, { user }] = [userOf(base), userOf(final)]
  return user === original
    ? undefined
    : `The original user ID was ${original} but the final extension left the user ID set to ${user}.`
}

/**
 * The final config: of a run image it says whether it can be rebased, and never root.
 * @throws {Failure} with the lifecycle's code 102, where a run image's user is root.
 */
export const finishConfig = (
  kind: ExtendKind,
  config: ImageConfig,
  applied: readonly AppliedDockerfile[],
  output: ExtendOutput['kind'],
): ImageConfig => {
  if (kind === 'build') return config
  if (isRoot(userOf(config)))
    throw lifecycleFailure(
      'extend',
      'the final user ID is 0 (root); please add another extension that resets the user to non-root',
      { kind: 'build' },
    )
  // The image itself need not say it: only what every extension left counts. Pushed, it is the whole base of the app,
  // whose metadata still names the image that was extended: a rebase on that would take the extensions away, unseen.
  const rebasable = output !== 'image' && applied.every((dockerfile) => isRebasable(dockerfile.config))
  const labels =
    applied.length === 0 ? {} : { Labels: { ...config.config?.Labels, [rebasableLabel]: String(rebasable) } }
  return { ...config, created: noTime, config: { ...config.config, ...labels } }
}
