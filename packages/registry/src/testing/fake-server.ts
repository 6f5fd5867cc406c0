// A fake HTTP server that does what a test tells it to: for what real registries cannot be made to do.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createSecureServer, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'

export interface FakeRequest {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

export interface FakeReply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string | Uint8Array
  /** Breaks the connection after so many bytes of the body. */
  readonly cutAfter?: number
}

/** `reset` breaks the connection instead of an answer; `{ resetAfter }` does it once so many bytes of the body came. */
export type FakeOutcome = FakeReply | 'reset' | { readonly resetAfter: number }

/** Decides before the body is read; a function then gets the whole request. */
export type FakeScript = (
  request: Omit<FakeRequest, 'body'>,
) => FakeOutcome | ((request: FakeRequest) => FakeReply) | undefined

export interface FakeServer extends AsyncDisposable {
  /** 127.0.0.1:PORT, or [::1]:PORT */
  readonly host: string
  readonly origin: string
  /** Every request so far, with as much of its body as was read. */
  readonly requests: readonly FakeRequest[]
}

const readBody = async (request: IncomingMessage, limit: number): Promise<Buffer> => {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    length += chunk.length
    if (length >= limit) break
  }
  return Buffer.concat(chunks)
}

const reply = (response: ServerResponse, { status, headers, body = '', cutAfter }: FakeReply): void => {
  const bytes = Buffer.from(body)
  response.writeHead(status, { 'content-length': String(bytes.length), ...headers } as Record<string, string>)
  if (cutAfter === undefined) response.end(bytes)
  else response.write(bytes.subarray(0, cutAfter), () => response.socket?.resetAndDestroy())
}

/** Starts the server on a free loopback port; what the script does not know is 404. */
export const startFakeServer = async (
  script: FakeScript,
  tls?: ServerOptions,
  address = '127.0.0.1',
): Promise<FakeServer> => {
  const requests: FakeRequest[] = []

  const answer = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url: path = '', headers } = incoming
    const outcome = script({ method, path, headers }) ?? { status: 404 }
    const resetAfter = outcome === 'reset' ? 0 : 'resetAfter' in outcome ? outcome.resetAfter : undefined
    const body = resetAfter === 0 ? Buffer.alloc(0) : await readBody(incoming, resetAfter ?? Number.POSITIVE_INFINITY)
    const request = { method, path, headers, body }
    requests.push(request)
    if (resetAfter !== undefined) incoming.socket.resetAndDestroy()
    else reply(response, typeof outcome === 'function' ? outcome(request) : (outcome as FakeReply))
  }
  const listener: RequestListener = (incoming, response) => {
    answer(incoming, response).catch((error: unknown) => response.destroy(error as Error))
  }
  const server = tls === undefined ? createServer(listener) : createSecureServer(tls, listener)
  server.listen(0, address)
  await once(server, 'listening')
  const name = address.includes(':') ? `[${address}]` : address
  const host = `${name}:${(server.address() as AddressInfo).port}`
  return {
    host,
    origin: `${tls === undefined ? 'http' : 'https'}://${host}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
