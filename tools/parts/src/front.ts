// A server before a real one: answers some requests itself, and passes all others on.
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface FrontRequest {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: IncomingMessage['headers']
}

export interface FrontAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** The answer that the server behind is not asked for; undefined: it is asked. */
export type AnswerFor = (request: FrontRequest) => FrontAnswer | undefined | Promise<FrontAnswer | undefined>

export interface Front extends AsyncDisposable {
  /** 127.0.0.1:PORT */
  readonly host: string
  /** Every request so far, in the order of their coming. */
  readonly requests: readonly FrontRequest[]
  stop(): Promise<void>
}

/** Passes a request on and its answer back. */
const forward = (target: string, incoming: IncomingMessage, answer: ServerResponse): void => {
  const { hostname, port } = new URL(`tcp://${target}`)
  const { method, url: path, rawHeaders: headers } = incoming
  const outgoing = request({ hostname, port, method, path, headers, agent: false }, (reply) => {
    answer.writeHead(reply.statusCode ?? 502, reply.rawHeaders)
    reply.pipe(answer)
    reply.on('error', () => answer.destroy())
  })
  outgoing.on('error', () => answer.destroy())
  answer.on('close', () => outgoing.destroy())
  incoming.pipe(outgoing)
}

/** Starts the front of `target` (HOST:PORT). */
export const startFront = async (target: string, answerFor: AnswerFor): Promise<Front> => {
  const requests: FrontRequest[] = []
  const server = createServer((incoming, outgoing) => {
    const { method = '', url: path = '', headers } = incoming
    const asked = { method, path, headers }
    requests.push(asked)
    const take = (own: FrontAnswer | undefined): void => {
      if (own === undefined) {
        forward(target, incoming, outgoing)
        return
      }
      // Not before the body was read: closing with unread bytes resets the connection, which is another fault.
      incoming.on('end', () => outgoing.writeHead(own.status, { ...own.headers }).end(own.body))
      incoming.resume()
    }
    Promise.resolve(answerFor(asked)).then(take, (error: unknown) => outgoing.destroy(error as Error))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
