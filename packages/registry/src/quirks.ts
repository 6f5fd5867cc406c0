// What single registries do differently from the distribution spec, as data.

export interface Quirks {
  /** The host whose API serves this one's repositories. */
  readonly apiHost?: string
}

const quirksOfHosts: ReadonlyMap<string, Quirks> = new Map([
  // https://docs.docker.com/reference/api/registry/latest/: references say docker.io, the API lives elsewhere.
  ['docker.io', { apiHost: 'registry-1.docker.io' }],
  ['index.docker.io', { apiHost: 'registry-1.docker.io' }],
])

/** What is special about the host; nothing where it is not known. */
export const quirksOf = (host: string): Quirks => quirksOfHosts.get(host.toLowerCase()) ?? {}
