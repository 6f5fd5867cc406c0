// A credential for a registry: a name and password, or an identity token.
import { Buffer } from 'node:buffer'

/** A name with its password; or what docker calls an identity token: an OAuth2 refresh token. */
export type Secret = { readonly username: string; readonly password: string } | { readonly identityToken: string }

/** A secret and where it was found, to be named when a registry refuses it. */
export type Credential = Secret & { readonly source: string }

/** The user name with which credential helpers mark an identity token (docker-credential-helpers, credentials.go). */
const tokenUser = '<token>'

/** The secret that a name and password mean. */
export const toSecret = (username: string, password: string): Secret =>
  username === tokenUser ? { identityToken: password } : { username, password }

/** The texts that must never be shown: the secret as it is, and as an Authorization header carries it. */
export const textsOf = (secret: Secret): string[] =>
  'identityToken' in secret
    ? [secret.identityToken]
    : [secret.password, Buffer.from(`${secret.username}:${secret.password}`).toString('base64')]
