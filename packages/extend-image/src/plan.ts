// Decides what is extended, from what, with what and where it goes; pure.
import { isAbsolute, join, resolve } from 'node:path'
import { parseInput } from '@polyarch/ci-host'
import type { Allowance } from '@polyarch/dockerfile'
import type { Leg, PlannedExtension } from '@polyarch/documents'
import { cacheRepositoryOf, hostPlatform, parseTimeLimit, readAllowances } from '@polyarch/engine'
import { inputFailure, type Platform, parsePlatform, parseStoreLocation, type StoreLocation } from '@polyarch/oci'
import type { ExtendKind } from './analyzed.ts'
import { type ApiVersion, requirePlatformApi } from './api-version.ts'
import type { Inputs } from './inputs.ts'
import { lifecycleFailure } from './lifecycle-failure.ts'

export type EngineName = Leg['engine']

/** What becomes of the extended image. */
export type ExtendOutput =
  /** A sparse layout below this directory, one for the exporter. */
  | { readonly kind: 'extended'; readonly directory: string }
  | { readonly kind: 'image'; readonly repository: StoreLocation }
  /** A layout of the whole image. */
  | { readonly kind: 'layout'; readonly directory: string }

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

export interface ExtendPlan {
  /** How logs and messages name this extension: the leg's id, or the kind. */
  readonly name: string
  readonly api: ApiVersion
  readonly kind: ExtendKind
  readonly engine: EngineName
  readonly output: ExtendOutput
  readonly logLevel: LogLevel
  /** The platform that a plan's leg is for. */
  readonly platform: Platform | undefined
  /** Absolute paths. */
  readonly paths: Record<'analyzed' | 'app' | 'generated' | 'group' | 'layers' | 'platform', string>
  readonly imageLayout: string | undefined
  readonly timeoutSeconds: number | undefined
  /** Preflight findings that somebody says are fine. */
  readonly allowances: readonly Allowance[]
  /** More arguments for the engine. */
  readonly engineArgs: readonly string[]
  readonly warnings: readonly string[]
  readonly notices: readonly string[]
}

/** A leg of a plan, with what it extends. */
export interface ExtensionLeg {
  readonly leg: Leg
  readonly extension: PlannedExtension
}

/** Go's durations (https://pkg.go.dev/time#ParseDuration), without a sign. */
const duration = /^(?:0|(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/

const planCacheTtl = (inputs: Inputs, engine: EngineName): Pick<ExtendPlan, 'engineArgs' | 'warnings' | 'notices'> => {
  const { 'extend-cache-ttl': ttl, 'kaniko-cache-ttl': deprecated } = inputs
  const own = inputs['engine-args']
  const warnings =
    deprecated === undefined ? [] : ['kaniko-cache-ttl (CNB_KANIKO_CACHE_TTL) is deprecated: say extend-cache-ttl']
  const written = ttl ?? deprecated
  if (written === undefined) return { engineArgs: own, warnings, notices: [] }
  const name = ttl === undefined ? 'kaniko-cache-ttl' : 'extend-cache-ttl'
  if (!duration.test(written))
    throw lifecycleFailure('invalidArguments', `input ${name}: "${written}" is not a duration, as in 336h or 90m`)
  if (engine !== 'kaniko')
    return { engineArgs: own, warnings, notices: [`${name} changes nothing: ${engine} has no such limit`] }
  if (inputs['cache-repo'] === undefined)
    return { engineArgs: own, warnings, notices: [`${name} changes nothing without cache-repo`] }
  return { engineArgs: [...own, `--cache-ttl=${written}`], warnings, notices: [] }
}

const parseKind = (text: string): ExtendKind => {
  if (text === 'build' || text === 'run') return text
  throw lifecycleFailure('invalidArguments', `input kind: expected build or run, found "${text}"`)
}

const parseLogLevel = (text: string): LogLevel => {
  const level = logLevels.find((known) => known === text.toLowerCase())
  if (level !== undefined) return level
  throw lifecycleFailure('invalidArguments', `input log-level: expected ${logLevels.join(', ')}; found "${text}"`)
}

type Environment = Readonly<Record<string, string | undefined>>

/** What a leg decides, and the lifecycle's variables that say it otherwise: those count for nothing next to a plan. */
const decidedByLeg = { kind: 'CNB_EXTEND_KIND', app: 'CNB_APP_DIR', layers: 'CNB_LAYERS_DIR', engine: '' } as const

/** What the leg decides, given next to it, could only contradict it. */
const checkLeg = (inputs: Inputs, { leg }: ExtensionLeg, env: Environment): void => {
  for (const [name, variable] of Object.entries(decidedByLeg)) {
    const given = inputs[name as keyof typeof decidedByLeg]
    if (given === undefined || given === 'auto' || given === env[variable]?.trim()) continue
    throw inputFailure(`input ${name} contradicts plan: the plan says what leg ${leg.id} extends, and with what`)
  }
}

const planOutput = (
  inputs: Inputs,
  kind: ExtendKind,
  name: string,
  hasLeg: boolean,
  locate: (path: string) => string,
  extended: string,
): ExtendOutput => {
  const automatic = hasLeg || inputs.layout !== undefined ? 'layout' : kind === 'build' ? 'image' : 'extended'
  const chosen = inputs.output === 'auto' ? automatic : inputs.output
  if (inputs.layout !== undefined && chosen !== 'layout')
    throw inputFailure(`input layout is for output layout: this is output ${chosen}`)
  if (inputs.repository !== undefined && chosen !== 'image')
    throw inputFailure(`input repository is for output image: this is output ${chosen}`)
  switch (chosen) {
    case 'extended':
      if (kind === 'run') return { kind: 'extended', directory: join(extended, 'run') }
      throw inputFailure('input output: a build image cannot go to the exporter: say image or layout')
    case 'layout':
      return { kind: 'layout', directory: locate(inputs.layout ?? join('.polyarch', 'layouts', name)) }
    case 'image':
      if (inputs.repository === undefined)
        throw inputFailure('input repository is required for output image: HOST/NAME or oci:DIR')
      return { kind: 'image', repository: parseInput('repository', inputs.repository, parseStoreLocation) }
  }
}

/**
 * What the inputs ask for. Relative paths begin at the host's directory; those of the lifecycle's files that nobody names are
 * below `layers`.
 * @throws {Failure} with the lifecycle's code 11 for its API and 3 for its inputs; input, for Polyarch's own.
 */
export const planExtension = (
  inputs: Inputs,
  leg: ExtensionLeg | undefined,
  { directory: workspace, env }: { readonly directory: string; readonly env: Environment },
): ExtendPlan => {
  const api = requirePlatformApi(inputs['platform-api'])
  if (leg !== undefined) checkLeg(inputs, leg, env)
  const kind = leg?.extension.kind ?? parseKind(inputs.kind ?? 'build')
  const engine = leg?.leg.engine ?? (inputs.engine === 'auto' ? 'kaniko' : inputs.engine)
  const locate = (path: string): string => (isAbsolute(path) ? path : resolve(workspace, path))
  const layers = locate(leg?.extension.layers ?? inputs.layers ?? '/layers')
  const below = (path: string | undefined, name: string): string =>
    path === undefined ? join(layers, name) : locate(path)
  const name = leg?.leg.id ?? kind
  // Only its form: which platform it is for, the image says.
  cacheRepositoryOf(inputs['cache-repo'], hostPlatform())
  const imageLayout = inputs['image-layout']
  return {
    name,
    api,
    kind,
    engine,
    output: planOutput(inputs, kind, name, leg !== undefined, locate, below(inputs.extended, 'extended')),
    logLevel: parseLogLevel(inputs['log-level'] ?? 'info'),
    platform: leg && parsePlatform(leg.leg.platform),
    paths: {
      analyzed: below(inputs.analyzed, 'analyzed.toml'),
      app: locate(leg?.extension.context ?? inputs.app ?? '/workspace'),
      generated: below(inputs.generated, 'generated'),
      group: below(inputs.group, 'group.toml'),
      layers,
      platform: locate(inputs.platform ?? '/platform'),
    },
    imageLayout: imageLayout === undefined ? undefined : locate(imageLayout),
    timeoutSeconds: inputs.timeout === undefined ? undefined : parseTimeLimit(inputs.timeout),
    allowances: readAllowances(inputs.allow),
    ...planCacheTtl(inputs, engine),
  }
}
