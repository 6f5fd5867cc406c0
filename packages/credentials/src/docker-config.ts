// The docker config: its `auths`, `credHelpers` and `credsStore`. Its errors never quote it, for it is full of secrets.
import { Buffer } from 'node:buffer'
import { inputFailure } from '@polyarch/oci'
import { type Secret, toSecret } from './credential.ts'
import { parseKey, type RegistryKey } from './registry-key.ts'

export interface DockerConfig {
  /** The file, variable or input that it was read from. */
  readonly place: string
  readonly logins: readonly { readonly key: RegistryKey; readonly secret: Secret }[]
  /** Helpers by registry; an empty name means that none is to be asked, not even the store. */
  readonly helpers: readonly { readonly key: RegistryKey; readonly helper: string }[]
  /** The helper for every other registry. */
  readonly store: string | undefined
}

const parseJson = (text: string, place: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (error) {
    // The parser's own message quotes the text, so neither it nor its error goes on: only the position.
    const [, line, column] = /line (\d+) column (\d+)/.exec((error as Error).message) ?? []
    const where = line === undefined ? place : `${place}:${line}:${column}`
    throw inputFailure(`${where}: not JSON: expected a docker config such as {"auths":{"ghcr.io":{"auth":"…"}}}`)
  }
}

const requireObject = (value: unknown, what: string): [key: string, value: unknown][] => {
  if (value === undefined || value === null) return []
  if (typeof value === 'object' && !Array.isArray(value)) return Object.entries(value)
  throw inputFailure(`${what} is not an object`)
}

const optionalText = (value: unknown, what: string): string => {
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return value
  throw inputFailure(`${what} is not text`)
}

const helperName = (value: unknown, what: string): string => {
  const name = optionalText(value, what)
  if (name === '' || /^[a-zA-Z0-9][a-zA-Z0-9._-]*$/.test(name)) return name
  throw inputFailure(`${what} is not the name of a credential helper: expected the part behind docker-credential-`)
}

const decodeAuth = (auth: string, what: string): Secret => {
  const text = /^[a-zA-Z0-9+/]+={0,2}$/.test(auth) ? Buffer.from(auth, 'base64').toString('utf8') : ''
  const colon = text.indexOf(':')
  if (colon < 1) throw inputFailure(`${what} is not the base64 of user:password`)
  // Docker once padded passwords with zero bytes, and still removes them.
  return toSecret(text.slice(0, colon), text.slice(colon + 1).replace(/\0+$/, ''))
}

const parseLogin = (value: unknown, what: string): Secret | undefined => {
  const fields = new Map(requireObject(value, what))
  const field = (name: string): string => optionalText(fields.get(name), `${what}.${name}`)
  const identityToken = field('identitytoken')
  if (identityToken !== '') return { identityToken }
  const auth = field('auth').trim()
  if (auth !== '') return decodeAuth(auth, `${what}.auth`)
  const username = field('username')
  // With a credential helper docker leaves an empty entry behind for each registry that it is logged in to.
  return username === '' ? undefined : toSecret(username, field('password'))
}

/**
 * The docker config in the text; `place` names where it came from in errors.
 * @throws {Failure} input, with the place and what would be right there; never with what is there.
 */
export const parseDockerConfig = (text: string, place: string): DockerConfig => {
  const json = parseJson(text, place)
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw inputFailure(`${place}: expected a docker config, a JSON object with "auths", "credHelpers" or "credsStore"`)
  const fields = new Map<string, unknown>(Object.entries(json))
  return {
    place,
    logins: requireObject(fields.get('auths'), `${place}: auths`).flatMap(([key, value]) => {
      const secret = parseLogin(value, `${place}: auths[${JSON.stringify(key)}]`)
      return secret === undefined ? [] : [{ key: parseKey(key), secret }]
    }),
    helpers: requireObject(fields.get('credHelpers'), `${place}: credHelpers`).map(([key, value]) => ({
      key: parseKey(key),
      helper: helperName(value, `${place}: credHelpers[${JSON.stringify(key)}]`),
    })),
    store: helperName(fields.get('credsStore'), `${place}: credsStore`) || undefined,
  }
}
