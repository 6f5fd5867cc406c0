// The keys of a docker config: which host, and which namespace of it, a credential is for.

/** A host in lower case, and the path below it that repository names must start with; empty for all of the host. */
export interface RegistryKey {
  readonly host: string
  readonly path: string
}

/** Docker Hub goes by several names; credentials for one are for all. */
const dockerHub = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io'])

const canonicalHost = (host: string): string => {
  const lower = host.toLowerCase()
  return dockerHub.has(lower) ? 'docker.io' : lower
}

/** The key in its one form: without scheme, and without the API version that docker used to write behind the host. */
export const parseKey = (text: string): RegistryKey => {
  const [host = '', ...rest] = text
    .trim()
    .replace(/^https?:\/\//i, '')
    .split('/')
  const path = rest.filter((component) => component !== '').join('/')
  return { host: canonicalHost(host), path: path === 'v1' || path === 'v2' ? '' : path }
}

/** How credential helpers are asked for a host: docker logs in to its own Hub under this address. */
export const serverAddress = (host: string): string =>
  canonicalHost(host) === 'docker.io' ? 'https://index.docker.io/v1/' : host

const covers = (key: RegistryKey, name: string): boolean =>
  key.path === '' || name === key.path || name.startsWith(`${key.path}/`)

/**
 * The entry for a repository of a host: the hosts are equal, never alike, and among its namespaces the longest wins
 * (containers-auth.json(5)).
 */
export const findByKey = <T extends { readonly key: RegistryKey }>(
  entries: readonly T[],
  host: string,
  name: string,
): T | undefined =>
  entries
    .filter(({ key }) => key.host === canonicalHost(host) && covers(key, name))
    .reduce<T | undefined>(
      (best, entry) => (best === undefined || entry.key.path.length > best.key.path.length ? entry : best),
      undefined,
    )
