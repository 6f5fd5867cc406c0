// The arguments and the environment of BuildKit's clients for a build; pure.
import { automaticArgs } from '@polyarch/dockerfile'
import { type BuildRequest, checkEngineArgs, csvField, staged } from '@polyarch/engine'
import { formatPlatform, formatRepository } from '@polyarch/oci'
import type { BuildkitSettings } from './inputs.ts'
import { places } from './places.ts'

export interface BuildOptions {
  /** Absolute: the directory that the layout is written into. */
  readonly output: string
  /** Values of --ssh. */
  readonly ssh: readonly string[]
  readonly provenance: BuildkitSettings['provenance']
  readonly sbom: boolean
  /** HOST[:PORT] of registries that are spoken to over plain HTTP or with an unknown certificate. */
  readonly insecure: readonly string[]
}

/** The flags that say what is built from what, where and as whom: set here, never by engine-args. */
const reservedFlags = [
  'addr',
  'attest',
  'builder',
  'file',
  'frontend',
  'help',
  'iidfile',
  'load',
  'local',
  'metadata-file',
  'output',
  'platform',
  'progress',
  'provenance',
  'push',
  'sbom',
  'secret',
  'ssh',
  'tag',
  'target',
]

const record = (fields: Readonly<Record<string, string>>): string =>
  Object.entries(fields)
    .map(([name, value]) => csvField(`${name}=${value}`))
    .join(',')

const planOutput = (request: BuildRequest, { output }: BuildOptions): string =>
  record({
    type: 'oci',
    dest: output,
    tar: 'false',
    'oci-mediatypes': 'true',
    // Files keep the time of the build otherwise, and no build is like another.
    ...(request.sourceDateEpoch === undefined ? {} : { 'rewrite-timestamp': 'true' }),
    ...Object.fromEntries(Object.entries(request.annotations).map(([key, value]) => [`annotation.${key}`, value])),
  })

/** The tag of the cache in the cache repository, which is the platform's own. */
const cacheTag = 'buildkit'

const planCache = (request: BuildRequest, { insecure }: BuildOptions): { from: string; to: string } | undefined => {
  const { cacheRepository } = request
  if (cacheRepository === undefined) return undefined
  const fields = {
    type: 'registry',
    ref: `${formatRepository(cacheRepository)}:${cacheTag}`,
    ...(insecure.includes(cacheRepository.host) ? { 'registry.insecure': 'true' } : {}),
  }
  return { from: record(fields), to: record({ ...fields, mode: 'max', 'oci-mediatypes': 'true' }) }
}

/** The build arguments without those that BuildKit knows better: its builder may be another machine. */
const buildArgs = (request: BuildRequest): Record<string, string> => {
  const automatic = automaticArgs(request.buildPlatform, request.platform)
  const own = Object.entries(request.args).filter(([name, value]) => automatic[name] !== value)
  const epoch = request.sourceDateEpoch
  return { ...Object.fromEntries(own), ...(epoch === undefined ? {} : { SOURCE_DATE_EPOCH: String(epoch) }) }
}

const pairs = (flag: string, values: Readonly<Record<string, string>>): string[] =>
  Object.entries(values).map(([name, value]) => `--${flag}${name}=${value}`)

const secretFlags = (request: BuildRequest): string[] =>
  request.secrets.map(({ id }) => `--secret=id=${id},src=${staged.secrets}/${id}`)

/**
 * The arguments of `buildctl` after those that say where buildkitd is.
 * @throws {Failure} input, for engine-args that are not a user's.
 */
export const planBuildctl = (request: BuildRequest, options: BuildOptions): string[] => {
  const cache = planCache(request, options)
  return [
    'build',
    '--progress=plain',
    '--frontend=dockerfile.v0',
    `--local=context=${request.context}`,
    `--local=dockerfile=${places.staging}`,
    `--opt=platform=${formatPlatform(request.platform)}`,
    ...(request.target === undefined ? [] : [`--opt=target=${request.target}`]),
    ...pairs('opt=build-arg:', buildArgs(request)),
    ...pairs('opt=label:', request.labels),
    ...(options.provenance === 'off' ? [] : [`--opt=attest:provenance=mode=${options.provenance}`]),
    ...(options.sbom ? ['--opt=attest:sbom='] : []),
    ...secretFlags(request),
    ...options.ssh.map((agent) => `--ssh=${agent}`),
    ...(cache === undefined ? [] : [`--import-cache=${cache.from}`, `--export-cache=${cache.to}`]),
    `--output=${planOutput(request, options)}`,
    ...checkEngineArgs(request.engineArgs, reservedFlags),
  ]
}

/**
 * The arguments of `docker` for a build by the named builder of buildx.
 * @throws {Failure} input, for engine-args that are not a user's.
 */
export const planBuildx = (builder: string, request: BuildRequest, options: BuildOptions): string[] => {
  const cache = planCache(request, options)
  return [
    'buildx',
    'build',
    `--builder=${builder}`,
    '--progress=plain',
    `--file=${staged.dockerfile}`,
    `--platform=${formatPlatform(request.platform)}`,
    ...(request.target === undefined ? [] : [`--target=${request.target}`]),
    ...pairs('build-arg=', buildArgs(request)),
    ...pairs('label=', request.labels),
    `--provenance=${options.provenance === 'off' ? 'false' : `mode=${options.provenance}`}`,
    `--sbom=${options.sbom}`,
    ...secretFlags(request),
    ...options.ssh.map((agent) => `--ssh=${agent}`),
    ...(cache === undefined ? [] : [`--cache-from=${cache.from}`, `--cache-to=${cache.to}`]),
    `--output=${planOutput(request, options)}`,
    ...checkEngineArgs(request.engineArgs, reservedFlags),
    request.context,
  ]
}
