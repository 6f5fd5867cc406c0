// The files that buildah reads instead of those of this machine.
import type { RegistryAccess } from '@polyarch/engine'

/** A text as a basic string of TOML, which JSON's are too. */
const quote = (text: string): string => JSON.stringify(text)

const hostOf = (location: string): string => location.split('/')[0] ?? location

/** registries.conf (containers-registries.conf(5)): short names are docker.io's, as docker reads them. */
export const formatRegistries = ({ insecure, mirrors }: RegistryAccess): string => {
  const hosts = [...new Set([...insecure, ...Object.keys(mirrors)])]
  const trust = (location: string): string[] => (insecure.includes(hostOf(location)) ? ['insecure = true'] : [])
  return [
    'unqualified-search-registries = ["docker.io"]',
    'short-name-mode = "disabled"',
    ...hosts.flatMap((host) => [
      '[[registry]]',
      `location = ${quote(host)}`,
      ...trust(host),
      ...(mirrors[host] ?? []).flatMap((mirror) => [
        '[[registry.mirror]]',
        `location = ${quote(mirror)}`,
        ...trust(mirror),
      ]),
    ]),
    '',
  ].join('\n')
}

/** policy.json (containers-policy.json(5)): which images may be built from is not decided here. */
export const acceptingPolicy = '{"default":[{"type":"insecureAcceptAnything"}]}'
