// What broke a connection, by the codes of Node.js, OpenSSL, llhttp and undici: whose fault it is, and whether it passes.
import { ProxyTrouble } from './proxy.ts'
import { isTransientStatus } from './retry.ts'

const authorityCodes: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_UNTRUSTED',
  'CERT_SIGNATURE_FAILURE',
])

/** Whether a connection failed because no trusted authority signed the host's certificate. */
export const isAuthorityUnknown = (error: unknown): boolean => authorityCodes.has(codeOfTrouble(error))

/** What comes of speaking to a server of the other scheme: it is not there, hangs up, or answers nonsense, but no TLS alert. */
const schemeTrouble =
  /^(?:ECONN(?:REFUSED|RESET)|EPIPE|EPROTO|ETIMEDOUT|E(?:HOST|NET)UNREACH|ENOTFOUND|EAI_AGAIN|HPE_|ERR_SSL_(?!.*ALERT)|UND_ERR_(?:SOCKET|CONNECT_TIMEOUT)$)/

/** Whether the host may speak the other of HTTP and HTTPS. What a proxy did tells nothing about the host. */
export const isSchemeTrouble = (error: unknown): boolean =>
  !(error instanceof ProxyTrouble) && schemeTrouble.test(codeOfTrouble(error))

const untrusted =
  'its certificate is signed by no known authority: name that authority in ca-file, or the host in insecure-registries'

const finalTroubles: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Array.from(authorityCodes, (code) => [code, untrusted])),
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: is this machine’s clock right?',
  CERT_REVOKED: 'its certificate was revoked',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name',
  EPROTO: 'it does not speak TLS: a registry on plain HTTP has to be named in insecure-registries',
  ERR_SSL_WRONG_VERSION_NUMBER:
    'it does not speak TLS: a registry on plain HTTP has to be named in insecure-registries',
  UND_ERR_HEADERS_OVERFLOW: 'its answer has more headers than are read',
  UND_ERR_INVALID_ARG: 'it asked for a request that cannot be sent',
  UND_ERR_DESTROYED: 'the client was closed',
  UND_ERR_CLOSED: 'the client was closed',
}

const passingTroubles: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'it refuses connections',
  ECONNRESET: 'it broke the connection',
  EPIPE: 'it broke the connection',
  UND_ERR_SOCKET: 'it broke the connection',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'its answer ended too early',
  HPE_INVALID_EOF_STATE: 'its answer ended too early',
  UND_ERR_CONNECT_TIMEOUT: 'it did not accept the connection in time',
  ETIMEDOUT: 'it did not answer in time',
  UND_ERR_HEADERS_TIMEOUT: 'it did not answer in time',
  UND_ERR_BODY_TIMEOUT: 'its answer stalled',
  SLOW_ANSWER: 'its answer did not end in time',
  ENOTFOUND: 'there is no such host name',
  EAI_AGAIN: 'its name could not be looked up',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
}

const codeOfTrouble = (error: unknown): string => {
  for (let current = error, depth = 0; isErrorLike(current) && depth < 4; current = current.cause, depth += 1)
    if (typeof current.code === 'string') return current.code
  return ''
}

const isErrorLike = (value: unknown): value is { readonly code?: unknown; readonly cause?: unknown } =>
  typeof value === 'object' && value !== null

/** Where a proxy is set right in another place than a registry. */
const proxyTroubles: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    Array.from(authorityCodes, (code) => [
      code,
      'its certificate is signed by no known authority: name that authority in ca-file',
    ]),
  ),
  EPROTO: 'it does not speak TLS: its URL has to begin with http://',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS: its URL has to begin with http://',
}

const proxyRefusal = (status: number, hasLogin: boolean): string => {
  if (status !== 407) return `it refuses to pass requests on to there, with status ${status}`
  return hasLogin
    ? 'it refuses the login in its URL'
    : 'it wants a login, which its URL has to name: http://USER:PASSWORD@HOST:PORT'
}

export interface Trouble {
  /** Who does what. */
  readonly reason: string
  /** What the error says of itself, where the reason does not say it. */
  readonly said?: string
  /** Whether it may go well another time. */
  readonly transient: boolean
}

/** What it means that a request to the host (HOST[:PORT]) got no whole answer. */
export const explainTrouble = (host: string, error: unknown): Trouble => {
  const proxy = error instanceof ProxyTrouble ? error : undefined
  const who = proxy === undefined ? host : `the proxy ${proxy.proxy.place} on the way to ${host}`
  if (proxy?.status !== undefined) {
    const reason = `${who}: ${proxyRefusal(proxy.status, proxy.proxy.authorization !== undefined)}`
    return { reason, transient: isTransientStatus(proxy.status) }
  }
  const code = codeOfTrouble(error)
  const passing = passingTroubles[code]
  const known = (proxy && proxyTroubles[code]) ?? passing ?? finalTroubles[code]
  // What llhttp cannot read (HPE_…) comes from a connection that was cut as often as from a server that is none.
  const transient = passing !== undefined || code.startsWith('HPE_')
  if (known !== undefined) return { reason: `${who}: ${known}`, transient }
  const thrown = proxy?.cause ?? error
  return { reason: `${who} cannot be used`, said: thrown instanceof Error ? thrown.message : String(thrown), transient }
}
