// Opens stores for one step: layouts below the host's directory, and registries through one shared client.
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { type FindCredential, openCredentials } from '@polyarch/credentials'
import { openLayout } from '@polyarch/layout'
import { formatStoreLocation, inputFailure, type Store, type StoreLocation } from '@polyarch/oci'
import { type Access, type ClientCertificate, openRegistry } from '@polyarch/registry'
import { readCertificateAuthorities } from './certificate-authorities.ts'
import { readClientCertificate } from './client-certificates.ts'
import { parseClientCertificates, parseHosts, parseMirrors, type StoreSettings } from './inputs.ts'

/** Opens stores for one step; connections are shared between them and closed together. */
export interface Stores extends AsyncDisposable {
  /** The store at the location, by default to read it; relative layout directories start at the host's directory. */
  open(location: StoreLocation, access?: Access): Store
  /** The credential for a host and repository, for programs that reach a registry themselves. */
  readonly findCredential: FindCredential
}

const readIfThere = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw inputFailure(`cannot read the docker config ${path} (${code})`, { cause })
  }
}

/** Credential helpers of clouds find their own credentials in the environment, so only the step's inputs are kept back. */
const helperEnvironment = (env: Host['env']): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !entry[0].startsWith('INPUT_'),
    ),
  )

const openHostCredentials = (registryAuth: readonly string[], host: Host): FindCredential =>
  openCredentials({
    registryAuth,
    env: host.env,
    forgeLogins: host.forgeLogins(),
    readFile: (path) => readIfThere(resolve(host.directory, path)),
    runHelper: (file, args, input) => host.exec({ file, args, input, env: helperEnvironment(host.env) }),
    mask: (secret) => host.mask(secret),
  })

/** By host; no other host is shown one. */
const readClientCertificates = async (
  entries: readonly string[],
  directory: string,
): Promise<Record<string, ClientCertificate>> => {
  const read = parseClientCertificates(entries).map(async ({ host, certificate, key }) => {
    const files = { host, certificate: resolve(directory, certificate), key: resolve(directory, key) }
    return [host, await readClientCertificate(files)] as const
  })
  return Object.fromEntries(await Promise.all(read))
}

/** The lower-case name first, as curl reads them. */
const variable = (env: Host['env'], name: string): string | undefined =>
  env[name.toLowerCase()] || env[name.toUpperCase()] || undefined

/**
 * Opens what the inputs say how to reach; nothing is connected to before a store is used.
 * @throws {Failure} input, for an input that is malformed or a file that cannot be read.
 */
export const openStores = async (settings: StoreSettings, host: Host): Promise<Stores> => {
  const caFile = settings['ca-file']
  const insecureHosts = parseHosts(settings['insecure-registries'])
  const mirrors = parseMirrors(settings['registry-mirrors'])
  const findCredential = openHostCredentials(settings['registry-auth'], host)
  const registry = openRegistry({
    login: findCredential,
    insecureHosts,
    mirrors,
    certificateAuthorities:
      caFile === undefined ? undefined : await readCertificateAuthorities(resolve(host.directory, caFile)),
    clientCertificates: await readClientCertificates(settings['client-certificates'] ?? [], host.directory),
    proxy: {
      http: variable(host.env, 'http_proxy'),
      https: variable(host.env, 'https_proxy'),
      no: variable(host.env, 'no_proxy'),
    },
    onRetry: (line) => host.log.warning(line),
  })
  // A job that is cancelled does not wait for its uploads.
  host.signal.throwIfAborted()
  const stop = (): void => void registry.close()
  host.signal.addEventListener('abort', stop, { once: true })
  return {
    findCredential,
    open: (location, access) =>
      location.kind === 'layout'
        ? openLayout(resolve(host.directory, location.directory), {
            location: formatStoreLocation(location),
            onUnreadable: (line) => host.log.warning(line),
          })
        : registry.repository(location.repository, access),
    [Symbol.asyncDispose]: async () => {
      host.signal.removeEventListener('abort', stop)
      await registry.close()
    },
  }
}
