// The proxy between this machine and a registry: its URL, the tunnel through it, and what goes wrong at it.
import type { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import { callbackify } from 'node:util'
import { inputFailure } from '@polyarch/oci'
import type { buildConnector as connectors, Dispatcher } from 'undici'
import api from 'undici/lib/api/index.js'
import buildConnector from 'undici/lib/core/connect.js'
import Pool from 'undici/lib/dispatcher/pool.js'

export interface ProxyServer {
  readonly origin: string
  /** For messages: HOST:PORT, without the login. */
  readonly place: string
  /** The Proxy-Authorization header, where its URL has a login. */
  readonly authorization: string | undefined
}

/** The proxy could not be reached, or did not pass a request on: no word came from the host behind it. */
export class ProxyTrouble extends Error {
  readonly proxy: ProxyServer
  /** Its answer; undefined where there was none. */
  readonly status: number | undefined

  constructor(proxy: ProxyServer, facts: { readonly status?: number; readonly cause?: unknown }) {
    super(`no way through the proxy ${proxy.place}`, { cause: facts.cause })
    this.proxy = proxy
    this.status = facts.status
  }
}

const portOf = ({ port, protocol }: URL): string => port || (protocol === 'https:' ? '443' : '80')

/**
 * The proxy that the variable names; undefined where it is empty.
 * @throws {Failure} input, where it names none; the message never shows the value, which may hold a password.
 */
export const parseProxy = (variable: string, value: string | undefined): ProxyServer | undefined => {
  const text = value?.trim() ?? ''
  if (text === '') return undefined
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`)
  if (url === null || !/^https?:$/.test(url.protocol))
    throw inputFailure(`${variable} is not the URL of a proxy: expected http://HOST:PORT`)
  let login: string
  try {
    login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
  } catch {
    // Its cause would show the password.
    throw inputFailure(
      `${variable}: its login is not percent-encoded: expected http://USER:PASSWORD@HOST:PORT with %25 for %`,
    )
  }
  return {
    origin: url.origin,
    place: `${url.hostname}:${portOf(url)}`,
    authorization: login === ':' ? undefined : `Basic ${Buffer.from(login).toString('base64')}`,
  }
}

/** The login for the proxy, and nothing for anybody behind it. */
export const proxyHeaders = ({ authorization }: ProxyServer): Record<string, string> =>
  authorization === undefined ? {} : { 'proxy-authorization': authorization }

/** How the proxy itself is connected to. */
export interface ProxyConnection {
  readonly secureContext?: SecureContext
  /** Milliseconds, also for a tunnel to stand. */
  readonly timeout: number
}

/** The connections to a proxy; what goes wrong with them is the proxy's. */
export const openProxy = (
  proxy: ProxyServer,
  { timeout, ...tls }: ProxyConnection,
  options: Pool.Options,
): Dispatcher => {
  const connect = buildConnector({ ...tls, timeout, allowH2: false })
  return new Pool(proxy.origin, {
    ...options,
    connect: (target, callback) =>
      connect(target, (...[cause, socket]) =>
        cause === null ? callback(null, socket) : callback(new ProxyTrouble(proxy, { cause }), null),
      ),
  })
}

/** Connects to a TLS server through a tunnel that the proxy digs (RFC 9110, section 9.3.6). */
export const tunnelConnector = (
  proxy: ProxyServer,
  connections: Dispatcher,
  tls: connectors.BuildOptions,
): connectors.connector => {
  const connectTls = buildConnector({ ...tls, allowH2: false })

  const dig = callbackify(async (hostname: string, port: string): Promise<Socket> => {
    const target = `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port || '443'}`
    const headers = { host: target, ...proxyHeaders(proxy) }
    let answer: Dispatcher.ConnectData
    try {
      answer = await api.connect.call(connections, { path: target, headers })
    } catch (cause) {
      throw cause instanceof ProxyTrouble ? cause : new ProxyTrouble(proxy, { cause })
    }
    const { statusCode: status, socket } = answer
    if (status >= 200 && status < 300) return socket as Socket
    // What it still has to say of its refusal is not read.
    socket.on('error', () => undefined).destroy()
    throw new ProxyTrouble(proxy, { status })
  })

  return (target, callback) => {
    dig(target.hostname, target.port, (error, socket) => {
      if (error === null) connectTls({ ...target, httpSocket: socket }, callback)
      else callback(error, null)
    })
  }
}
