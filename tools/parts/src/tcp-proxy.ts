// A TCP proxy on loopback; what happens to the bytes on their way is said by whoever starts it.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface TcpProxy extends AsyncDisposable {
  /** 127.0.0.1:PORT */
  readonly host: string
  /** Breaks every connection that is open; new ones are still accepted. */
  disconnect(): void
  stop(): Promise<void>
}

/** Starts a proxy in front of HOST:PORT; `link` carries the bytes of each connection both ways, the end of each too. */
export const startTcpProxy = async (
  target: string,
  link: (client: Socket, server: Socket) => void,
): Promise<TcpProxy> => {
  const { hostname, port } = new URL(`tcp://${target}`)
  const sockets = new Set<Socket>()

  // An error on one side ends both, as it would without a proxy between them.
  const tie = (socket: Socket, other: Socket): void => {
    sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => other.resetAndDestroy())
    socket.on('close', () => sockets.delete(socket))
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
    tie(client, upstream)
    tie(upstream, client)
    link(client, upstream)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  const disconnect = (): void => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  const stop = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    disconnect()
    await closed
  }
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, disconnect, stop, [Symbol.asyncDispose]: stop }
}
