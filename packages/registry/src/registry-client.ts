// The client of all registries of one step: shared connections, limits and logins.
import { Failure, parseReference, type Repository, type Store } from '@polyarch/oci'
import { createAuthenticator } from './authentication.ts'
import type { Source } from './download.ts'
import { createExchange } from './exchange.ts'
import { type Access, defaultLimits, type RegistryOptions, systemClock } from './options.ts'
import { apiHostOf } from './quirks.ts'
import { createRegistryHost, openForWriting, type RegistryHost } from './registry-host.ts'
import { openRepository } from './repository-store.ts'
import { fetchToken } from './token.ts'
import { openTransport } from './transport.ts'

export interface RegistryClient extends AsyncDisposable {
  /** The store of the repository, by default to read it; nothing is sent before it is used. */
  repository(repository: Repository, access?: Access): Store
  /** Closes all connections for good: what is under way or waits fails, and nothing is sent any more. */
  close(): Promise<void>
}

/** Opens a client; it connects when a store is used. */
export const openRegistry = (options: RegistryOptions = {}): RegistryClient => {
  const limits = { ...defaultLimits, ...options.limits }
  const clock = options.clock ?? systemClock
  const insecureHosts = new Set(options.insecureHosts)
  const isInsecure = (host: string): boolean => insecureHosts.has(host)
  const onRetry = (line: string): void => options.onRetry?.(line)
  const transport = openTransport({
    certificateAuthorities: options.certificateAuthorities,
    clientCertificates: Object.fromEntries(
      Object.entries(options.clientCertificates ?? {}).map(([host, certificate]) => [
        new URL(`https://${apiHostOf(host)}`).host,
        certificate,
      ]),
    ),
    proxy: options.proxy,
    limits,
    userAgent: options.userAgent ?? 'polyarch',
  })
  const random = (): number => options.random?.() ?? Math.random()
  const end = new AbortController()
  const exchange = createExchange({ transport, limits, clock, random, onRetry, isInsecure, signal: end.signal })
  const hosts = new Map<string, RegistryHost>()

  const hostOf = (name: string): RegistryHost => {
    const known = hosts.get(name)
    if (known) return known
    const authenticator = createAuthenticator({
      host: name,
      login: options.login && (async (place) => options.login?.(name, place.slice(name.length + 1))),
      fetchToken: (request) => fetchToken(exchange, request, isInsecure),
      clock,
    })
    const host = createRegistryHost({ name, exchange, authenticator, isInsecure })
    hosts.set(name, host)
    return host
  }

  const mirrorsOf = ({ host, name }: Repository): Source[] =>
    (options.mirrors?.[host] ?? []).map((mirror) => {
      const { host: mirrorHost, name: repository } = parseReference(`${mirror.replace(/\/+$/, '')}/${name}`)
      return { host: hostOf(mirrorHost), repository }
    })

  const close = async (): Promise<void> => {
    end.abort(new Failure('registry', 'the registry client is closed'))
    await transport.close()
  }

  return {
    repository: (repository, access = 'read') =>
      openRepository({
        host: access === 'write' ? openForWriting(hostOf(repository.host)) : hostOf(repository.host),
        repository: repository.name,
        // Where something will be written, only the origin's word counts on what is there.
        mirrors: access === 'write' ? [] : mirrorsOf(repository),
        onRetry,
      }),
    close,
    [Symbol.asyncDispose]: close,
  }
}
