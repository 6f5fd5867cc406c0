// The registries that a build reaches: which logins it needs, and which of them are on this machine.
import type { Host } from '@polyarch/ci-host'
import { parseDockerfile, sourceImages } from '@polyarch/dockerfile'
import { Failure, isLoopback, parseFamiliarReference, type Repository } from '@polyarch/oci'
import { parseMirrors, type StoreSettings, type Stores } from '@polyarch/stores'
import { type BuildRequest, settingsOf } from './build-request.ts'
import { findLogins, type StagedLogin } from './docker-config.ts'

/** A repository that the build reads, or undefined where its name is none: the engine will say so. */
const repositoryOf = (reference: string): Repository | undefined => {
  try {
    const { host, name } = parseFamiliarReference(reference)
    return { host, name }
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  }
}

/** How an engine reaches registries. */
export interface RegistryAccess {
  /** HOST[:PORT] of those that are spoken to over plain HTTP or with an unknown certificate. */
  readonly insecure: readonly string[]
  /** The mirrors of each host, as HOST[:PORT][/PATH]. */
  readonly mirrors: Readonly<Record<string, readonly string[]>>
}

/** What one build needs of registries. */
export interface RegistryReach extends RegistryAccess {
  readonly logins: readonly StagedLogin[]
  /** Whether one of them is on this machine only. */
  readonly usesLoopback: boolean
}

/** The repositories that the build pulls from and caches in. */
const listRepositories = (request: BuildRequest): Repository[] => {
  const images = sourceImages(parseDockerfile(request.dockerfileText), settingsOf(request))
  const repositories = [...images.map(({ reference }) => repositoryOf(reference)), request.cacheRepository]
  return repositories.filter((repository) => repository !== undefined)
}

/** Where the mirrors of the repositories' hosts have them. */
const mirrorRepositories = (repositories: readonly Repository[], mirrors: RegistryAccess['mirrors']): Repository[] =>
  repositories.flatMap(({ host, name }) =>
    (mirrors[host] ?? []).map((mirror) => {
      const slash = mirror.indexOf('/')
      return slash === -1
        ? { host: mirror, name }
        : { host: mirror.slice(0, slash), name: `${mirror.slice(slash + 1)}/${name}` }
    }),
  )

/**
 * What the build needs to reach its base images, their mirrors and its cache: loopback registries are plain HTTP
 * without being named.
 * @throws {Failure} input, naming a mirror that is none.
 */
export const reachRegistries = async (
  request: BuildRequest,
  settings: StoreSettings,
  stores: Stores,
): Promise<RegistryReach> => {
  const sources = listRepositories(request)
  const mirrors = parseMirrors(settings['registry-mirrors'])
  const repositories = [...sources, ...mirrorRepositories(sources, mirrors)]
  const loopback = repositories.map(({ host }) => host).filter(isLoopback)
  return {
    insecure: [...new Set([...settings['insecure-registries'], ...loopback])],
    mirrors,
    logins: await findLogins(stores, repositories),
    usesLoopback: loopback.length > 0,
  }
}

const proxyVariables = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].flatMap((name) => [name, name.toLowerCase()])

/** The proxy variables of the environment; their values may hold credentials. */
export const readProxies = (env: Host['env']): Record<string, string> =>
  Object.fromEntries(proxyVariables.flatMap((name) => (env[name] ? [[name, env[name]]] : [])))
