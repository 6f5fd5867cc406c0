// buildah's arguments and environment for a build; pure.
import { type BuildRequest, checkEngineArgs, staged } from '@polyarch/engine'
import { formatPlatform, formatRepository } from '@polyarch/oci'
import { places } from './places.ts'

export type StorageDriver = 'overlay' | 'vfs'

/** The flags that say what is built from what, where and as whom: set here, never by engine-args. */
const reservedFlags = [
  'all-platforms',
  'annotation',
  'arch',
  'authfile',
  'cert-dir',
  'creds',
  'file',
  'format',
  'from',
  'help',
  'identity-label',
  'ignorefile',
  'iidfile',
  'isolation',
  'layers',
  'logfile',
  'manifest',
  'os',
  'output',
  'platform',
  'quiet',
  'registries-conf',
  'root',
  'runroot',
  'secret',
  'signature-policy',
  'ssh',
  'storage-driver',
  'tag',
  'target',
  'timestamp',
  'tls-verify',
  'variant',
  'volume',
]

const pairs = (flag: string, values: Readonly<Record<string, string>>): string[] =>
  Object.entries(values).map(([name, value]) => `--${flag}=${name}=${value}`)

const globalFlags = (driver: StorageDriver): string[] => [
  `--storage-driver=${driver}`,
  `--root=${places.storage}`,
  `--runroot=${places.run}`,
  `--registries-conf=${places.registries}`,
  `--registries-conf-dir=${places.noRegistries}`,
  `--short-name-alias-conf=${places.shortNames}`,
]

/**
 * The command line that builds the request, every value attached to its flag.
 * The format is docker's because buildah drops HEALTHCHECK, SHELL and ONBUILD from the other one; what is written into
 * the layout in the end is OCI all the same.
 * @throws {Failure} input, for engine-args that are not a user's.
 */
export const planBuild = (
  request: BuildRequest,
  driver: StorageDriver,
  { ssh, volumes }: { readonly ssh: readonly string[]; readonly volumes: readonly string[] },
): string[] => {
  const cache = request.cacheRepository && formatRepository(request.cacheRepository)
  return [
    ...globalFlags(driver),
    'build',
    '--isolation=chroot',
    '--format=docker',
    '--layers',
    '--identity-label=false',
    `--file=${staged.dockerfile}`,
    `--ignorefile=${staged.ignoreFile}`,
    `--iidfile=${places.imageId}`,
    `--authfile=${staged.logins}`,
    `--signature-policy=${places.policy}`,
    `--platform=${formatPlatform(request.platform)}`,
    ...(request.target === undefined ? [] : [`--target=${request.target}`]),
    ...pairs('build-arg', request.args),
    ...pairs('label', request.labels),
    ...request.secrets.map(({ id }) => `--secret=id=${id},src=${staged.secrets}/${id}`),
    ...ssh.map((agent) => `--ssh=${agent}`),
    ...volumes.map((volume) => `--volume=${volume}`),
    ...(request.sourceDateEpoch === undefined ? [] : [`--timestamp=${request.sourceDateEpoch}`]),
    ...(cache === undefined ? [] : [`--cache-from=${cache}`, `--cache-to=${cache}`]),
    ...checkEngineArgs(request.engineArgs, reservedFlags),
    request.context,
  ]
}

/** The command line that writes the image's blobs into the directory, which must be absolute. */
export const planExport = (driver: StorageDriver, imageId: string, directory: string): string[] => [
  ...globalFlags(driver),
  'push',
  '--quiet',
  '--format=v2s2',
  `--signature-policy=${places.policy}`,
  imageId,
  `dir:${directory}`,
]

/** What `buildah unshare` tells the buildah inside: that its root is not the machine's, whose files it must not use. */
const planNamespace = ({ uid, gid }: { readonly uid: number; readonly gid: number }): Record<string, string> => ({
  _CONTAINERS_USERNS_CONFIGURED: 'done',
  _CONTAINERS_ROOTLESS_UID: String(uid),
  _CONTAINERS_ROOTLESS_GID: String(gid),
})

/** What buildah may see of the environment; `outside` is the user outside, where it runs in a user namespace. */
export const planEnvironment = (
  env: Readonly<Record<string, string>>,
  work: string,
  outside: { readonly uid: number; readonly gid: number } | undefined,
): Record<string, string> => ({
  ...env,
  CONTAINERS_CONF: `${work}/${places.containers}`,
  CONTAINERS_STORAGE_CONF: `${work}/${places.storageConfig}`,
  ...(outside === undefined ? {} : planNamespace(outside)),
})
