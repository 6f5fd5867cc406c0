// What a registry client is opened with: ports, trust, mirrors, proxies and limits.
import { setTimeout } from 'node:timers/promises'

/**
 * What a repository is opened for. One that will be written to is read with the right to push, too: some token servers
 * let nobody read what is not there yet but who may create it. Where it is only read, a login to read is enough, and
 * mirrors are asked first; where it is written to they are not, because what only a mirror has is not pushed yet.
 */
export type Access = 'read' | 'write'

/** A login to one registry host: a name and password, or an OAuth2 refresh token (docker's `identitytoken`). */
export type Login = { readonly username: string; readonly password: string } | { readonly identityToken: string }

/** Time as a port, so that tests need not wait. Milliseconds. */
export interface Clock {
  now(): number
  /** @throws the signal's reason, as soon as it is aborted. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>
}

/** The values of HTTP_PROXY, HTTPS_PROXY and NO_PROXY; loopback hosts never go through a proxy. */
export interface ProxySettings {
  readonly http?: string | undefined
  readonly https?: string | undefined
  readonly no?: string | undefined
}

/** A certificate that the client shows to a host, and its key: PEM text. */
export interface ClientCertificate {
  readonly certificate: string
  readonly key: string
}

/** Bounds of a client; times in milliseconds. */
export interface Limits {
  /** The most connections to one host. */
  readonly connections: number
  /** How often one request is sent at most; fewer where a host never answered. */
  readonly attempts: number
  /** The first pause before another attempt, doubled each time up to `longestDelay`. */
  readonly firstDelay: number
  readonly longestDelay: number
  /** A server that asks with Retry-After for more patience than this is given up. */
  readonly longestRetryAfter: number
  /** The retries of the whole client beyond those that a success has paid for. */
  readonly retryBudget: number
  readonly connectTimeout: number
  /**
   * How long a server may think before it answers: registries move large blobs when an upload ends. And how long a small
   * answer, which is all but a blob, may take from its beginning to its end.
   */
  readonly answerTimeout: number
  /** How long a body may stall. */
  readonly stallTimeout: number
}

export interface RegistryOptions {
  /** The login for a repository of a host, as the user wrote it; undefined means anonymous. Asked when needed, once each. */
  login?(host: string, repositoryName: string): Promise<Login | undefined>
  /** Hosts that may be spoken to over plain HTTP or with an unknown certificate. */
  readonly insecureHosts?: readonly string[] | undefined
  /** PEM text of certificate authorities to trust besides the system's. */
  readonly certificateAuthorities?: string | undefined
  /** By host, as the user wrote it: no other host is shown one. */
  readonly clientCertificates?: Readonly<Record<string, ClientCertificate>> | undefined
  /** Where to look up and read first, by host: HOST[:PORT][/PREFIX]. The origin follows where a mirror lacks the content. */
  readonly mirrors?: Readonly<Record<string, readonly string[]>> | undefined
  readonly proxy?: ProxySettings | undefined
  /** Told of each retry: one line that says why and how long. */
  onRetry?(line: string): void
  readonly clock?: Clock | undefined
  /** Between 0 and 1: spreads retries. */
  random?(): number
  readonly limits?: Partial<Limits> | undefined
  readonly userAgent?: string | undefined
}

export const defaultLimits: Limits = {
  connections: 50,
  attempts: 8,
  firstDelay: 500,
  longestDelay: 30_000,
  longestRetryAfter: 300_000,
  retryBudget: 500,
  connectTimeout: 10_000,
  answerTimeout: 300_000,
  stallTimeout: 60_000,
}

export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  sleep: async (milliseconds, signal) => {
    try {
      await setTimeout(milliseconds, undefined, { signal })
    } catch (error) {
      throw signal.aborted ? signal.reason : error
    }
  },
}
