// Logs in to one registry host: Basic, or Bearer with tokens kept per scopes and renewed before they expire.
import type { Challenge } from './challenge.ts'
import type { Authorizer } from './exchange.ts'
import type { Clock, Login } from './options.ts'
import { coversScopes, formatScope, mergeScopes, parseScopes, type Scope } from './scope.ts'
import { basicAuthorization, type Token, type TokenRequest } from './token.ts'

export interface Authenticator {
  /** An authorizer for requests to this origin of the host that need the scopes. */
  authorizerFor(origin: string, scopes: readonly Scope[], place: string): Authorizer
}

export interface AuthenticatorSettings {
  readonly host: string
  /** The login for a place, HOST/NAME: one host may have others for other namespaces. */
  readonly login: ((place: string) => Promise<Login | undefined>) | undefined
  readonly fetchToken: (request: TokenRequest) => Promise<Token>
  readonly clock: Clock
}

type Mode =
  | { readonly kind: 'basic' }
  | { readonly kind: 'bearer'; readonly realm: URL; readonly service: string | undefined }

interface HeldToken {
  readonly authorization: string
  readonly scopes: readonly Scope[]
  /** Milliseconds on the clock; early enough that a request on its way still finds the token valid. */
  readonly renewAt: number
}

/** Milliseconds before its end in which a token is no longer used; a fifth of its life where that is less. */
const margin = 10_000

/** An authenticator that starts without credentials and does what the host's challenges ask for. */
export const createAuthenticator = (settings: AuthenticatorSettings): Authenticator => {
  const { host, clock } = settings
  let mode: Mode | undefined
  const logins = new Map<string, Promise<Login | undefined>>()
  let held: HeldToken[] = []
  const underWay = new Map<string, Promise<HeldToken>>()

  const findLogin = (place: string): Promise<Login | undefined> => {
    const login = logins.get(place) ?? settings.login?.(place) ?? Promise.resolve(undefined)
    logins.set(place, login)
    return login
  }

  const findToken = (scopes: readonly Scope[]): HeldToken | undefined => {
    held = held.filter((token) => token.renewAt > clock.now())
    return held.find((token) => coversScopes(token.scopes, scopes))
  }

  const requestToken = async (bearer: Mode & { kind: 'bearer' }, scopes: readonly Scope[], place: string) => {
    const asked = clock.now()
    const { realm, service } = bearer
    const token = await settings.fetchToken({ realm, service, scopes, login: await findLogin(place), host, place })
    const lifetime = token.lifetime * 1000
    const renewAt = asked + lifetime - Math.min(margin, lifetime / 5)
    const fresh: HeldToken = { authorization: `Bearer ${token.value}`, scopes, renewAt }
    held.push(fresh)
    return fresh
  }

  const obtainToken = (bearer: Mode & { kind: 'bearer' }, needed: readonly Scope[], place: string) => {
    const scopes = mergeScopes(needed)
    const found = findToken(scopes)
    if (found) return Promise.resolve(found)
    const key = [bearer.realm.href, bearer.service, ...scopes.map(formatScope)].join(' ')
    const pending = underWay.get(key) ?? requestToken(bearer, scopes, place).finally(() => underWay.delete(key))
    underWay.set(key, pending)
    return pending
  }

  const authorize = async (scopes: readonly Scope[], place: string): Promise<string | undefined> => {
    if (mode === undefined) return undefined
    if (mode.kind === 'bearer') return (await obtainToken(mode, scopes, place)).authorization
    const found = await findLogin(place)
    return found !== undefined && 'username' in found ? basicAuthorization(found) : undefined
  }

  const answerBearer = async (
    challenge: Challenge,
    scopes: readonly Scope[],
    place: string,
    used: string | undefined,
    round: number,
  ): Promise<string | undefined> => {
    const realm = challenge.parameters.get('realm') ?? ''
    if (!URL.canParse(realm) || !/^https?:$/.test(new URL(realm).protocol))
      return 'it asks for a token but names no usable token server'
    const target = new URL(realm)
    target.username = ''
    target.password = ''
    const bearer: Mode = { kind: 'bearer', realm: target, service: challenge.parameters.get('service') }
    mode = bearer
    const needed = mergeScopes([...scopes, ...parseScopes(challenge.parameters.get('scope'))])
    const refused = held.find((token) => token.authorization === used)
    held = held.filter((token) => token !== refused)
    if (round > 0 && refused !== undefined && coversScopes(refused.scopes, needed))
      return (await findLogin(place)) === undefined
        ? `it is not open to everybody, and no login is configured for ${host}`
        : `the login that is configured for ${host} is not allowed to do this`
    await obtainToken(bearer, needed, place)
    return undefined
  }

  const answerBasic = async (place: string, used: string | undefined): Promise<string | undefined> => {
    const found = await findLogin(place)
    if (found === undefined) return `it needs a login, and none is configured for ${host}`
    if (!('username' in found)) return `it wants a name and password: an identity token is configured for ${host}`
    if (used === basicAuthorization(found)) return `${host} refuses the login that is configured for it`
    mode = { kind: 'basic' }
    return undefined
  }

  return {
    authorizerFor: (origin, scopes, place) => ({
      origin,
      authorize: () => authorize(scopes, place),
      answerChallenge: async (challenges, used, round) => {
        const bearer = challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm'))
        if (bearer) return answerBearer(bearer, scopes, place, used, round)
        if (challenges.some(({ scheme }) => scheme === 'basic')) return answerBasic(place, used)
        const offered = challenges.map(({ scheme }) => scheme).join(', ')
        return `it asks for a way to log in that is not known here (${offered || 'it names none'})`
      },
    }),
  }
}
