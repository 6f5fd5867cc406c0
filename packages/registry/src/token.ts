// Tokens from a token server: distribution's token authentication, and its OAuth2 variant for refresh tokens.
import { isLoopback, StoreError } from '@polyarch/oci'
import { Refusal } from './errors.ts'
import type { Authorizer, Exchange, ExchangeRequest } from './exchange.ts'
import type { Login } from './options.ts'
import { formatScope, type Scope } from './scope.ts'

export interface TokenRequest {
  readonly realm: URL
  readonly service: string | undefined
  readonly scopes: readonly Scope[]
  readonly login: Login | undefined
  /** For messages: the registry host, and HOST/NAME. */
  readonly host: string
  readonly place: string
}

export interface Token {
  readonly value: string
  /** Seconds from its arrival. */
  readonly lifetime: number
}

export const basicAuthorization = ({ username, password }: Extract<Login, { username: string }>): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

// https://distribution.github.io/distribution/spec/auth/token/: without expires_in a token lives for 60 seconds.
const defaultLifetime = 60

const parseToken = (bytes: Uint8Array, request: TokenRequest): Token => {
  let answer: unknown
  try {
    answer = JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    throw new StoreError('UNKNOWN', `the token server of ${request.host} did not answer in JSON`, { cause })
  }
  const fields: Readonly<Record<string, unknown>> = typeof answer === 'object' && answer !== null ? { ...answer } : {}
  const value = [fields['token'], fields['access_token']].find((field) => typeof field === 'string' && field !== '')
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value))
    throw new StoreError('UNKNOWN', `the token server of ${request.host} gave no token for ${request.place}`)
  const lifetime = Number(fields['expires_in'] ?? defaultLifetime)
  return { value, lifetime: Number.isFinite(lifetime) && lifetime > 0 ? lifetime : defaultLifetime }
}

const requestOf = (request: TokenRequest, verified: boolean): ExchangeRequest => {
  const { realm, service, login, place } = request
  const common = { accept: [200], notFound: 'UNKNOWN', verified, place, bodyLimit: 1024 * 1024 } as const
  const scopes = request.scopes.map(formatScope)
  if (login !== undefined && 'identityToken' in login) {
    const form = new URLSearchParams({
      grant_type: 'refresh_token',
      client_id: 'polyarch',
      refresh_token: login.identityToken,
      ...(service === undefined ? {} : { service }),
      scope: scopes.join(' '),
    })
    return {
      ...common,
      isSecret: true,
      method: 'POST',
      url: realm,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: Buffer.from(form.toString()),
    }
  }
  const url = new URL(realm)
  if (service !== undefined) url.searchParams.set('service', service)
  for (const scope of scopes) url.searchParams.append('scope', scope)
  if (login === undefined) return { ...common, method: 'GET', url }
  const authorizer: Authorizer = {
    origin: url.origin,
    authorize: async () => basicAuthorization(login),
    answerChallenge: async () => 'the login is refused',
  }
  return { ...common, isSecret: true, method: 'GET', url, authorizer }
}

/**
 * A token for the scopes; fewer may be granted than asked for.
 * @throws {StoreError} UNAUTHORIZED, naming host and repository, where the login is refused.
 */
export const fetchToken = async (
  exchange: Exchange,
  request: TokenRequest,
  isInsecure: (host: string) => boolean,
): Promise<Token> => {
  const { realm, login, host, place } = request
  const clear = realm.protocol !== 'https:' && !isLoopback(realm.host) && !isInsecure(realm.host)
  if (clear && login !== undefined)
    throw new StoreError(
      'UNAUTHORIZED',
      `${host} wants the login for ${place} sent to ${realm.host} without TLS: name ${realm.host} in insecure-registries to allow it`,
    )
  try {
    const { bytes } = await exchange.call(requestOf(request, !isInsecure(realm.host)))
    return parseToken(bytes, request)
  } catch (cause) {
    if (cause instanceof Refusal && [400, 401, 403].includes(cause.request?.status ?? 0))
      throw new StoreError(
        cause.request?.status === 403 ? 'DENIED' : 'UNAUTHORIZED',
        login === undefined
          ? `${host} gives no anonymous access to ${place}, and no login is configured for ${host}`
          : `${host} refuses the login that is configured for it (${place}, asked at ${realm.origin}${realm.pathname})`,
        { cause },
      )
    throw cause
  }
}
