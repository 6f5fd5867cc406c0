// The registries that a build reaches: which logins it needs, and which of them are on this machine.
import type { Host } from '@polyarch/ci-host'
import { parseDockerfile, sourceImages } from '@polyarch/dockerfile'
import { Failure, isLoopback, parseFamiliarReference, type Repository } from '@polyarch/oci'
import { type BuildRequest, settingsOf } from './build-request.ts'

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

/** The repositories that the build pulls from and caches in, each once. */
export const listRepositories = (request: BuildRequest, dockerfile: string): Repository[] => {
  const images = sourceImages(parseDockerfile(dockerfile), settingsOf(request))
  const repositories = [...images.map(({ reference }) => repositoryOf(reference)), request.cacheRepository]
  const known = repositories.filter((repository) => repository !== undefined)
  return [...new Map(known.map((repository) => [`${repository.host}/${repository.name}`, repository])).values()]
}

/** Where the mirrors of the repositories' hosts have them: `mirrors` by host, as HOST[:PORT][/PATH]. */
export const mirrorRepositories = (
  repositories: readonly Repository[],
  mirrors: Readonly<Record<string, readonly string[]>>,
): Repository[] =>
  repositories.flatMap(({ host, name }) =>
    (mirrors[host] ?? []).map((mirror) => {
      const slash = mirror.indexOf('/')
      return slash === -1
        ? { host: mirror, name }
        : { host: mirror.slice(0, slash), name: `${mirror.slice(slash + 1)}/${name}` }
    }),
  )

/** The hosts that are spoken to over plain HTTP or with an unknown certificate: those named, and loopback ones. */
export const insecureHosts = (repositories: readonly Repository[], named: readonly string[]): string[] => [
  ...new Set([...named, ...repositories.map(({ host }) => host).filter(isLoopback)]),
]

const proxyVariables = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].flatMap((name) => [name, name.toLowerCase()])

/** The proxy variables of the environment; their values may hold credentials. */
export const readProxies = (env: Host['env']): Record<string, string> =>
  Object.fromEntries(proxyVariables.flatMap((name) => (env[name] ? [[name, env[name]]] : [])))
