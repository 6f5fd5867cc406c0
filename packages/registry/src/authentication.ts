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

interface Bearer {
  readonly kind: 'bearer'
  readonly realm: URL
  readonly service: string | undefined
}

type Mode = Bearer | { readonly kind: 'basic' }

/** A moment in the order of what happened here: times on a clock may be equal. */
type Moment = number

interface HeldToken {
  readonly authorization: string
  readonly scopes: readonly Scope[]
  /** The login that it was given to: one for another place may be allowed other things. */
  readonly place: string
  readonly asked: Moment
  readonly obtained: Moment
  /** Milliseconds on the clock; early enough that a request on its way still finds the token valid. */
  readonly renewAt: number
}

interface PendingToken {
  readonly asked: Moment
  readonly token: Promise<HeldToken>
}

/** One request on its way through the login. */
interface Attempt {
  readonly scopes: readonly Scope[]
  readonly place: string
  /** The token that it was last sent with, and when. */
  used: HeldToken | undefined
  sent: Moment
  /** When its first 401 came. */
  refused: Moment
}

/** Milliseconds before its end in which a token is no longer used; a fifth of its life where that is less. */
const margin = 10_000

/** The token server that a challenge names; undefined where it names none that could be asked. */
const bearerOf = ({ scheme, parameters }: Challenge): Bearer | undefined => {
  const realm = scheme === 'bearer' ? URL.parse(parameters.get('realm') ?? '') : null
  if (realm === null || !/^https?:$/.test(realm.protocol)) return undefined
  realm.username = ''
  realm.password = ''
  return { kind: 'bearer', realm, service: parameters.get('service') }
}

/** An authenticator that starts without credentials and does what the host's challenges ask for. */
export const createAuthenticator = (settings: AuthenticatorSettings): Authenticator => {
  const { host, clock } = settings
  let mode: Mode | undefined
  const logins = new Map<string, Promise<Login | undefined>>()
  let held: HeldToken[] = []
  const underWay = new Map<string, PendingToken>()
  let moments: Moment = 0
  const nextMoment = (): Moment => {
    moments += 1
    return moments
  }

  const findLogin = (place: string): Promise<Login | undefined> => {
    const known = logins.get(place)
    if (known) return known
    const login = settings.login?.(place) ?? Promise.resolve(undefined)
    logins.set(place, login)
    // Whoever waits for it hears of the failure; the next one may have more luck.
    login.catch(() => logins.delete(place))
    return login
  }

  const fits = (token: HeldToken, scopes: readonly Scope[], place: string): boolean =>
    token.place === place && coversScopes(token.scopes, scopes)

  const findToken = (scopes: readonly Scope[], place: string): HeldToken | undefined => {
    held = held.filter((token) => token.renewAt > clock.now())
    return held.find((token) => fits(token, scopes, place))
  }

  const requestToken = async (bearer: Bearer, scopes: readonly Scope[], place: string, asked: Moment) => {
    const began = clock.now()
    const { realm, service } = bearer
    const token = await settings.fetchToken({ realm, service, scopes, login: await findLogin(place), host, place })
    const lifetime = token.lifetime * 1000
    const renewAt = began + lifetime - Math.min(margin, lifetime / 5)
    const authorization = `Bearer ${token.value}`
    const fresh: HeldToken = { authorization, scopes, place, asked, obtained: nextMoment(), renewAt }
    held.push(fresh)
    return fresh
  }

  /** A token for the scopes: one that is held, on its way since `earliest`, or new. */
  const obtainToken = async (bearer: Bearer, needed: readonly Scope[], place: string, earliest: Moment = 0) => {
    const scopes = mergeScopes(needed)
    const found = findToken(scopes, place)
    if (found) return found
    const key = [place, bearer.realm.href, bearer.service, ...scopes.map(formatScope)].join(' ')
    const pending = underWay.get(key)
    if (pending !== undefined && pending.asked >= earliest) return await pending.token
    const asked = nextMoment()
    const started = { asked, token: requestToken(bearer, scopes, place, asked) }
    underWay.set(key, started)
    try {
      return await started.token
    } finally {
      if (underWay.get(key) === started) underWay.delete(key)
    }
  }

  const authorize = async (attempt: Attempt): Promise<string | undefined> => {
    const { scopes, place } = attempt
    attempt.used = mode?.kind === 'bearer' ? await obtainToken(mode, scopes, place) : undefined
    attempt.sent = nextMoment()
    if (mode?.kind !== 'basic') return attempt.used?.authorization
    const found = await findLogin(place)
    return found !== undefined && 'username' in found ? basicAuthorization(found) : undefined
  }

  const answerBearer = async (
    bearer: Bearer,
    scope: string | undefined,
    attempt: Attempt,
    round: number,
  ): Promise<string | undefined> => {
    mode = bearer
    const { scopes, place, used, sent } = attempt
    if (round === 0) attempt.refused = nextMoment()
    const needed = mergeScopes([...scopes, ...parseScopes(scope)])
    // Only of a token that is younger than the refusal the login is to blame: older ones may all have been revoked.
    if (used !== undefined && used.asked > attempt.refused && coversScopes(used.scopes, needed))
      return (await findLogin(place)) === undefined
        ? `it is not open to everybody, and no login is configured for ${host}`
        : `the login that is configured for ${host} is not allowed to do this`
    // What came after the request was sent is most likely what another one got that was refused for the same reason.
    const isFresh = (token: HeldToken): boolean => (round === 0 ? token.obtained > sent : token.asked > attempt.refused)
    held = held.filter((token) => token !== used && (!fits(token, scopes, place) || isFresh(token)))
    await obtainToken(bearer, needed, place, round === 0 ? 0 : attempt.refused)
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
    authorizerFor: (origin, scopes, place) => {
      const attempt: Attempt = { scopes, place, used: undefined, sent: 0, refused: 0 }
      return {
        origin,
        authorize: () => authorize(attempt),
        answerChallenge: async (challenges, used, round) => {
          for (const challenge of challenges) {
            const bearer = bearerOf(challenge)
            if (bearer) return answerBearer(bearer, challenge.parameters.get('scope'), attempt, round)
          }
          if (challenges.some(({ scheme }) => scheme === 'basic')) return answerBasic(place, used)
          if (challenges.some(({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm')))
            return 'it asks for a token but names no usable token server'
          const offered = challenges.map(({ scheme }) => scheme).join(', ')
          return `it asks for a way to log in that is not known here (${offered || 'it names none'})`
        },
      }
    },
  }
}
