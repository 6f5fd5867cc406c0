// A fake server that writes bytes as they are: for answers that no HTTP library would let pass.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

/** One answer: the bytes, and what becomes of the connection after them. */
export interface RawAnswer {
  readonly bytes: Uint8Array
  readonly after: 'keep' | 'end' | 'reset' | 'stall'
}

export interface RawServer extends AsyncDisposable {
  /** 127.0.0.1:PORT */
  readonly host: string
  /** All that clients sent, as text. */
  readonly received: string
}

/** Answers the n-th request with the n-th answer, and from the beginning again after the last. */
export const startRawServer = async (answers: readonly RawAnswer[]): Promise<RawServer> => {
  const received: Buffer[] = []
  const sockets = new Set<Socket>()
  let count = 0
  const server = createServer((socket) => {
    sockets.add(socket)
    let pending = ''
    socket.on('close', () => sockets.delete(socket))
    // A client may leave whenever it likes.
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => {
      received.push(chunk)
      pending += chunk.toString('latin1')
      const end = pending.indexOf('\r\n\r\n')
      if (end === -1) return
      const length = Number(/^content-length: (\d+)/im.exec(pending.slice(0, end))?.[1] ?? 0)
      if (pending.length < end + 4 + length) return
      pending = pending.slice(end + 4 + length)
      const answer = answers[count % answers.length]
      count += 1
      if (answer === undefined || answer.after === 'stall') {
        if (answer) socket.write(answer.bytes)
      } else if (answer.after === 'end') socket.end(answer.bytes)
      else socket.write(answer.bytes, () => answer.after === 'reset' && socket.resetAndDestroy())
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    get received() {
      return Buffer.concat(received).toString('latin1')
    },
    [Symbol.asyncDispose]: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}
