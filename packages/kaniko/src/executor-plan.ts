// The executor's arguments and environment for a build; pure.
import { type BuildRequest, checkEngineArgs, checkMounts, type RegistryAccess } from '@polyarch/engine'
import { Failure, formatPlatform, formatRepository } from '@polyarch/oci'
import type { EngineFacts } from './engine-facts.ts'
import type { Places } from './places.ts'

/** How the executor reaches the network. */
export interface NetworkAccess extends RegistryAccess {
  /** Proxy variables, as the executor is to see them. */
  readonly proxies: Readonly<Record<string, string>>
}

export interface ExecutorPlan {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Variables that may hold credentials, and so stay out of every argument list. */
  readonly quietEnv: Readonly<Record<string, string>>
}

/** The flags that say what is built from what, and where it goes: set here, never by engine-args. */
const reservedFlags = [
  'annotation-file',
  'cache-copy-layers',
  'cleanup',
  'context',
  'context-sub-path',
  'custom-platform',
  'destination',
  'digest-file',
  'dockerfile',
  'dryrun',
  'force',
  'git',
  'help',
  'image-name-tag-with-digest-file',
  'image-name-with-digest-file',
  'kaniko-dir',
  'log-format',
  'no-push',
  'oci-layout-path',
  'pre-cleanup',
  'preserve-context',
  'secret',
  'tar-path',
  'target',
]

const requireFlag = (facts: EngineFacts, flag: string, wanted: string): void => {
  if (!facts.flags.has(flag))
    throw new Failure(
      'preflight',
      `${wanted} needs an executor with --${flag}; kaniko ${facts.version} has none: use ghcr.io/osscontainertools/kaniko`,
    )
}

const planMirrors = (facts: EngineFacts, { mirrors }: RegistryAccess): string[] =>
  Object.entries(mirrors).flatMap(([host, ofHost]) => {
    if (host === 'docker.io') return ofHost.map((mirror) => `--registry-mirror=${mirror}`)
    requireFlag(facts, 'registry-map', `a mirror of ${host}`)
    return ofHost.map((mirror) => `--registry-map=${host}=${mirror}`)
  })

/**
 * The executor's command line for the request, every value attached to its flag.
 * @throws {Failure} input, for engine-args that are not a user's; preflight, when the executor lacks what is asked for.
 */
export const planExecutor = (
  request: BuildRequest,
  facts: EngineFacts,
  places: Places,
  access: NetworkAccess,
): ExecutorPlan => {
  const listed = (flag: string, value?: string): string[] =>
    facts.flags.has(flag) ? [value === undefined ? `--${flag}` : `--${flag}=${value}`] : []
  const pairs = (flag: string, values: Readonly<Record<string, string>>): string[] =>
    Object.entries(values).map(([name, value]) => `--${flag}=${name}=${value}`)
  if (Object.keys(request.annotations).length > 0) requireFlag(facts, 'annotation', 'input annotations')
  if (request.secrets.length > 0) requireFlag(facts, 'secret', 'input secrets')
  return {
    args: [
      `--context=dir://${places.context}`,
      `--dockerfile=${places.dockerfile}`,
      ...(request.target === undefined ? [] : [`--target=${request.target}`]),
      `--custom-platform=${formatPlatform(request.platform)}`,
      '--no-push',
      `--oci-layout-path=${places.layout}`,
      '--log-format=json',
      '--force',
      ...checkMounts(request.mounts).map(({ path }) => `--ignore-path=${path}`),
      ...listed('skip-unused-stages'),
      ...listed('image-download-retry', '2'),
      ...pairs('build-arg', request.args),
      ...pairs('label', request.labels),
      ...pairs('annotation', request.annotations),
      ...request.secrets.map(({ id }) => `--secret=id=${id},src=${places.secrets}/${id}`),
      ...(request.sourceDateEpoch === undefined ? [] : ['--reproducible']),
      ...(request.cacheRepository === undefined
        ? []
        : [
            '--cache',
            `--cache-repo=${formatRepository(request.cacheRepository)}`,
            // A cached COPY of another stage loses the whiteouts of that stage's files
            // (https://github.com/osscontainertools/kaniko/issues/876).
            '--cache-copy-layers=false',
          ]),
      ...access.insecure.flatMap((host) => [`--insecure-registry=${host}`, `--skip-tls-verify-registry=${host}`]),
      ...planMirrors(facts, access),
      ...checkEngineArgs(request.engineArgs, reservedFlags),
    ],
    env: {
      // Without USER the executor's static binary cannot tell who it is.
      USER: 'root',
      HOME: '/root',
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      DOCKER_CONFIG: places.dockerConfig,
      SSL_CERT_DIR: places.certificates,
      TMPDIR: places.temporary,
      // Both make the living fork do what BuildKit does; other executors do not read them.
      FF_KANIKO_EXPAND_HEREDOC: 'true',
      ...(request.keepsOwners === true ? {} : { FF_KANIKO_COPY_AS_ROOT: 'true' }),
    },
    quietEnv: access.proxies,
  }
}
