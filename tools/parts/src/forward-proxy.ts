// A proxy as companies have them: it tunnels TLS (RFC 9110, section 9.3.6), passes on the rest, and may want a login.
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, STATUS_CODES } from 'node:http'
import { createServer as createSecureServer, type ServerOptions } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'

export interface ForwardProxyOptions {
  /** HOST:PORT of the server that stands for every host that the proxy is asked for. */
  readonly target: string
  /** USER:PASSWORD that it wants; absent: anybody may pass. */
  readonly login?: string | undefined
  /** The answers to the first tunnels that are asked for, instead of tunnels. */
  readonly refusals?: readonly number[] | undefined
  /** For a proxy that is itself spoken to over TLS. */
  readonly tls?: ServerOptions | undefined
  /** Told the subject of the certificate that each client over TLS shows; empty where it shows none. */
  readonly onClient?: ((subject: string) => void) | undefined
}

export interface ForwardProxy extends AsyncDisposable {
  /** 127.0.0.1:PORT */
  readonly host: string
  /** What it was asked for, one line each: `CONNECT registry.example:443`, `GET http://registry.example/v2/`. */
  readonly asked: readonly string[]
  /** The Proxy-Authorization of each of these; undefined where it had none. */
  readonly logins: readonly (string | undefined)[]
}

/** Starts the proxy on a free loopback port. */
export const startForwardProxy = async (options: ForwardProxyOptions): Promise<ForwardProxy> => {
  const [targetHost = '', targetPort = ''] = options.target.split(':')
  const refusals = [...(options.refusals ?? [])]
  const asked: string[] = []
  const logins: (string | undefined)[] = []
  const sockets = new Set<Duplex>()
  const wanted =
    options.login === undefined ? undefined : `Basic ${Buffer.from(options.login, 'utf8').toString('base64')}`

  /** Writes down the request, and gives the status of its refusal. */
  const refusalOf = ({ method, url, headers }: IncomingMessage): number | undefined => {
    const login = headers['proxy-authorization']
    asked.push(`${method} ${url}`)
    logins.push(login)
    if (method === 'CONNECT' && refusals.length > 0) return refusals.shift()
    return wanted !== undefined && login !== wanted ? 407 : undefined
  }

  const server = options.tls === undefined ? createServer() : createSecureServer(options.tls)
  server.on('secureConnection', (socket: TLSSocket) =>
    options.onClient?.([socket.getPeerCertificate().subject?.CN ?? ''].flat().join()),
  )
  server.on('request', (incoming, response) => {
    const refusal = refusalOf(incoming)
    if (refusal !== undefined) {
      response.writeHead(refusal).end()
      return
    }
    const { pathname, search } = new URL(incoming.url ?? '')
    const { 'proxy-authorization': _, ...headers } = incoming.headers
    const [host, port, path] = [targetHost, targetPort, pathname + search]
    const passed = request({ host, port, path, method: incoming.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    passed.on('error', () => response.destroy())
    incoming.pipe(passed)
  })
  server.on('connect', (incoming: IncomingMessage, socket: Socket) => {
    sockets.add(socket)
    // Either side may leave whenever it likes.
    socket.on('error', () => socket.destroy())
    const refusal = refusalOf(incoming)
    if (refusal !== undefined) {
      socket.end(`HTTP/1.1 ${refusal} ${STATUS_CODES[refusal]}\r\nContent-Length: 0\r\n\r\n`)
      return
    }
    const upstream = connect(Number(targetPort), targetHost, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      upstream.pipe(socket)
      socket.pipe(upstream)
    })
    sockets.add(upstream)
    upstream.on('error', () => socket.destroy())
    upstream.on('close', () => socket.destroy())
    socket.on('close', () => upstream.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    logins,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
