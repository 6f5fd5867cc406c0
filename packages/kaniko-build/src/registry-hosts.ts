// The registries that a build reaches: which logins it needs, and which of them are on this machine.
import { parseDockerfile, sourceImages } from '@polyarch/dockerfile'
import type { BuildRequest } from '@polyarch/engine'
import { Failure, isLoopback, parseFamiliarReference, type Repository } from '@polyarch/oci'

/** A repository that the build reads, or undefined where its name is none: the executor will say so. */
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
  const images = sourceImages(parseDockerfile(dockerfile), {
    platform: request.platform,
    buildPlatform: request.buildPlatform,
    target: request.target ?? null,
    args: request.args,
  })
  const repositories = [...images.map(({ reference }) => repositoryOf(reference)), request.cacheRepository]
  const known = repositories.filter((repository) => repository !== undefined)
  return [...new Map(known.map((repository) => [`${repository.host}/${repository.name}`, repository])).values()]
}

/** The hosts that are spoken to over plain HTTP or with an unknown certificate: those named, and loopback ones. */
export const insecureHosts = (repositories: readonly Repository[], named: readonly string[]): string[] => [
  ...new Set([...named, ...repositories.map(({ host }) => host).filter(isLoopback)]),
]
