// Stands before act's artifact server, which lags behind the client of GitHub's own actions.
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'

export interface ArtifactProxy extends AsyncDisposable {
  /** What jobs take for GitHub's results service. */
  readonly url: string
}

const isJson = (message: IncomingMessage): boolean =>
  message.headers['content-type']?.startsWith('application/json') ?? false

/** act refuses a field that @actions/artifact sends since version 6.1. */
const withoutMimeType = (body: Buffer): Buffer => {
  const { mime_type: _, mimeType: __, ...rest } = JSON.parse(body.toString()) as Record<string, unknown>
  return Buffer.from(JSON.stringify(rest))
}

/** The Azure client drops a bare `=` at the end of a signature, https://github.com/nektos/act/issues/6021. */
const withEncodedSignature = (body: Buffer): Buffer =>
  Buffer.from(
    body
      .toString()
      .replaceAll(/(sig=[^&"\\=]*)(=+)/g, (_match, start: string, end: string) => start + '%3D'.repeat(end.length)),
  )

const forward = async (incoming: IncomingMessage, answer: ServerResponse, target: number): Promise<void> => {
  const received = await buffer(incoming)
  const body = isJson(incoming) && received.length > 0 ? withoutMimeType(received) : received
  const outgoing = request({
    host: '127.0.0.1',
    port: target,
    method: incoming.method,
    path: incoming.url,
    // The host stays this one, so that the addresses that the server hands out lead here too.
    headers: { ...incoming.headers, 'content-length': body.length },
  })
  outgoing.end(body)
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  const content = await buffer(response)
  const sent = isJson(response) ? withEncodedSignature(content) : content
  const { 'transfer-encoding': _, ...headers } = response.headers
  answer.writeHead(response.statusCode ?? 502, { ...headers, 'content-length': sent.length })
  answer.end(sent)
}

/** Starts the proxy before the artifact server that listens on the loopback port. */
export const startArtifactProxy = async (target: number): Promise<ArtifactProxy> => {
  const server = createServer((incoming, answer) => {
    forward(incoming, answer, target).catch((error: unknown) => answer.writeHead(502).end(String(error)))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}/`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
