// What to build, the same for every engine: read from a leg of a plan or from single inputs, and checked.
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Host, parseInput, requireValues } from '@polyarch/ci-host'
import { type Allowance, automaticArgs, type BuildSettings, features, pinSources } from '@polyarch/dockerfile'
import {
  type Leg,
  type MergeResult,
  parseArtifactReference,
  readPlan,
  requireImage,
  requireLeg,
} from '@polyarch/documents'
import {
  formatPlatform,
  inputFailure,
  type Platform,
  parsePlatform,
  parseStoreLocation,
  platformSlug,
  type Repository,
} from '@polyarch/oci'
import type { BuildInputs } from './build-inputs.ts'
import type { BuildMount } from './build-mounts.ts'
import { hostPlatform } from './host-platform.ts'
import { pinToResults, readPlannedBases } from './planned-bases.ts'
import { receiveSource } from './received-source.ts'
import { parseTimeLimit } from './time-limit.ts'
import { findRealPath, requireContext, requireDockerfile } from './workspace.ts'

/** A secret of the build: it never appears in a log, an argument list, a layer or the layout. */
export interface BuildSecret {
  readonly id: string
  readonly value: Uint8Array
}

export interface BuildRequest {
  /** How logs and messages name this build: the leg's id, or the platform. */
  readonly name: string
  readonly platform: Platform
  /** The machine's own platform, which BUILDPLATFORM names. */
  readonly buildPlatform: Platform
  /** Absolute, without symbolic links, inside the workspace. */
  readonly context: string
  /** Absolute, without symbolic links, inside the workspace. */
  readonly dockerfile: string
  /** What is built: the file's text, with images of the same plan pinned to the digests that were just merged. */
  readonly dockerfileText: string
  readonly target: string | undefined
  /** The platform arguments, overridden by the user's. */
  readonly args: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly secrets: readonly BuildSecret[]
  readonly cacheRepository: Repository | undefined
  /** Seconds since 1970. */
  readonly sourceDateEpoch: number | undefined
  /** `oci`: never docker's media types. */
  readonly mediaType: BuildInputs['media-type']
  /** How long the engine may take. */
  readonly timeoutSeconds: number | undefined
  readonly engineArgs: readonly string[]
  /** What commands see of this machine. */
  readonly mounts: readonly BuildMount[]
  /** Preflight findings that somebody says are fine, and why. */
  readonly allowances: readonly Allowance[]
  /** Whether COPY without --chown leaves files their owners, where the engine can; default: they become root's. */
  readonly keepsOwners?: boolean
  /** Absolute: where the finished layout goes. */
  readonly layout: string
}

/** What the platform and the arguments of the request make of its Dockerfile. */
export const settingsOf = ({ platform, buildPlatform, target, args }: BuildRequest): BuildSettings => ({
  platform,
  buildPlatform,
  target: target ?? null,
  args,
})

type Engine = Leg['engine']

type Source = Pick<BuildRequest, 'name' | 'platform' | 'target' | 'labels' | 'annotations' | 'allowances'> & {
  readonly bases: readonly MergeResult[]
  /** When the commit was made, RFC 3339; null where it is not known. */
  readonly committed: () => Promise<string | null>
  readonly context: string
  readonly dockerfile: string
  readonly args: Readonly<Record<string, string>>
}

/** The inputs that a plan answers; given next to it they could only contradict it. */
const plannedInputs = [
  'context',
  'dockerfile',
  'target',
  'platform',
  'build-args',
  'labels',
  'annotations',
  'allow',
] as const

const isGiven = (value: BuildInputs[(typeof plannedInputs)[number]]): boolean =>
  typeof value === 'object' ? Object.keys(value).length > 0 : value !== undefined

const readPlannedSource = async (inputs: BuildInputs, host: Host, engine: Engine): Promise<Source> => {
  if (inputs.plan === undefined || inputs.leg === undefined)
    throw inputFailure(`inputs plan and leg belong together: ${inputs.plan === undefined ? 'plan' : 'leg'} is missing`)
  const contradicting = plannedInputs.find((name) => isGiven(inputs[name]))
  if (contradicting !== undefined)
    throw inputFailure(`input ${contradicting} contradicts plan: the plan says what leg ${inputs.leg} is built from`)
  const plan = await readPlan(inputs.plan, host)
  const leg = requireLeg(plan, inputs.leg)
  const image = requireImage(plan, leg.image)
  if (leg.engine !== engine)
    throw inputFailure(`leg ${leg.id} is planned for ${leg.engine}: build it with ${leg.engine}-build`)
  if (image.extend) throw inputFailure(`leg ${leg.id} extends a ${image.extend.kind} image: build it with extend-image`)
  if (image.build === null) throw inputFailure(`leg ${leg.id}: image ${image.id} has nothing to build`)
  const { context, dockerfile, target, args, remote, allow = [] } = image.build
  if (remote !== null && !(await findRealPath(resolve(host.directory, context)))) {
    if (parseArtifactReference(inputs.plan) === undefined)
      throw inputFailure(
        `leg ${leg.id}: there is no ${context}: the job that planned fetched it from ${remote.url}, and has to hand it on`,
      )
    await receiveSource(plan.id, remote.commit, host)
  }
  return {
    name: leg.id,
    platform: parsePlatform(leg.platform),
    context,
    dockerfile: resolve(host.directory, dockerfile),
    target: target ?? undefined,
    args,
    labels: image.labels,
    annotations: image.annotations,
    allowances: allow,
    committed: () => Promise.resolve(plan.source.created),
    bases: inputs.bases.length === 0 ? [] : await readPlannedBases(inputs.bases, host.directory, plan.id, image.needs),
  }
}

const resolveArgs = (host: Host, args: BuildInputs['build-args']): Record<string, string> =>
  Object.fromEntries(
    Object.entries(args).map(([name, value]) => {
      const found = value ?? host.env[name]
      if (found === undefined)
        throw inputFailure(
          `input build-args: "${name}" has no value and the environment has none: expected ${name}=value`,
        )
      return [name, found]
    }),
  )

/**
 * The findings that somebody says are fine.
 * @throws {Failure} input, for a name that is none: it would allow nothing, and nobody would notice.
 */
export const readAllowances = (allow: BuildInputs['allow']): Allowance[] =>
  Object.entries(requireValues('allow', allow)).map(([finding, reason]) => {
    if (!Object.hasOwn(features, finding))
      throw inputFailure(`input allow: there is no finding "${finding}": use a name that preflight says in brackets`)
    return { finding, reason }
  })

const readSingleSource = (inputs: BuildInputs, host: Host): Source => {
  const platform =
    inputs.platform === undefined ? hostPlatform() : parseInput('platform', inputs.platform, parsePlatform)
  return {
    name: formatPlatform(platform),
    platform,
    context: inputs.context ?? '.',
    dockerfile: inputs.dockerfile ?? 'Dockerfile',
    target: inputs.target,
    args: resolveArgs(host, inputs['build-args']),
    labels: requireValues('labels', inputs.labels),
    annotations: requireValues('annotations', inputs.annotations),
    allowances: readAllowances(inputs.allow),
    committed: async () => (await host.sourceFacts()).created,
    bases: [],
  }
}

const secretId = /^\w[\w.-]{0,127}$/

const readSecret = async (host: Host, line: string, position: number): Promise<BuildSecret> => {
  const equals = line.indexOf('=')
  const id = equals === -1 ? '' : line.slice(0, equals)
  if (!secretId.test(id))
    throw inputFailure(`input secrets: line ${position + 1} is not id=value (an id has letters, digits and . _ -)`)
  const value = line.slice(equals + 1)
  if (!value.startsWith('@')) return { id, value: Buffer.from(value) }
  const file = resolve(host.directory, value.slice(1))
  try {
    const bytes = await readFile(file)
    host.mask(bytes.toString('utf8'))
    return { id, value: bytes }
  } catch (cause) {
    throw inputFailure(`input secrets: ${id}: ${file} cannot be read (${(cause as NodeJS.ErrnoException).code})`, {
      cause,
    })
  }
}

const readSecrets = async (host: Host, lines: readonly string[]): Promise<BuildSecret[]> => {
  const secrets = await Promise.all(lines.map((line, position) => readSecret(host, line, position)))
  const twice = secrets.find(({ id }, position) => secrets.findIndex((other) => other.id === id) !== position)
  if (twice) throw inputFailure(`input secrets: "${twice.id}" is given twice`)
  return secrets
}

const readEpoch = async (text: string | undefined, { committed }: Source): Promise<number | undefined> => {
  if (text === undefined) return undefined
  if (/^\d{1,12}$/.test(text)) return Number(text)
  if (text !== 'commit')
    throw inputFailure(`input source-date-epoch: expected seconds since 1970 or commit, found "${text}"`)
  const time = await committed()
  if (time === null) throw inputFailure('input source-date-epoch: commit: there is no commit that is known of')
  return Math.floor(Date.parse(time) / 1000)
}

/**
 * The cache repository of one platform: engines key cached layers without the platform, so that two platforms in one
 * repository give each other layers of the wrong architecture
 * (https://github.com/GoogleContainerTools/kaniko/issues/2567).
 * @throws {Failure} input, where the location is no repository of a registry.
 */
export const cacheRepositoryOf = (location: string | undefined, platform: Platform): Repository | undefined => {
  if (location === undefined) return undefined
  const store = parseInput('cache-repo', location, parseStoreLocation)
  if (store.kind === 'layout') throw inputFailure(`input cache-repo: expected HOST[:PORT]/NAME, found "${location}"`)
  return { host: store.repository.host, name: `${store.repository.name}/${platformSlug(platform)}` }
}

/**
 * The build that the inputs of a step describe.
 * @throws {Failure} input, naming the input that is wrong and what would be right.
 */
export const readBuildRequest = async (inputs: BuildInputs, host: Host, engine: Engine): Promise<BuildRequest> => {
  const planned = inputs.plan !== undefined || inputs.leg !== undefined
  const source = planned ? await readPlannedSource(inputs, host, engine) : readSingleSource(inputs, host)
  const context = await requireContext(host.directory, source.context)
  const buildPlatform = hostPlatform()
  const directory = inputs.layout ?? join('.polyarch', 'layouts', planned ? source.name : platformSlug(source.platform))
  const dockerfile = await requireDockerfile(host.directory, context, source.dockerfile)
  const args = { ...automaticArgs(buildPlatform, source.platform), ...source.args }
  const settings = { target: source.target ?? null, platform: source.platform, buildPlatform, args }
  const written = await readFile(dockerfile, 'utf8')
  return {
    name: source.name,
    platform: source.platform,
    buildPlatform,
    context,
    dockerfile,
    dockerfileText: source.bases.length === 0 ? written : pinSources(written, settings, pinToResults(source.bases)),
    target: source.target,
    args,
    labels: source.labels,
    annotations: source.annotations,
    secrets: await readSecrets(host, inputs.secrets),
    cacheRepository: cacheRepositoryOf(inputs['cache-repo'], source.platform),
    sourceDateEpoch: await readEpoch(inputs['source-date-epoch'], source),
    mediaType: inputs['media-type'],
    timeoutSeconds: inputs.timeout === undefined ? undefined : parseTimeLimit(inputs.timeout),
    engineArgs: inputs['engine-args'],
    mounts: [],
    allowances: source.allowances,
    layout: resolve(host.directory, directory),
  }
}
