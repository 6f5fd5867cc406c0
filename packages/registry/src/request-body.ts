// Bodies of requests: small ones sent in one piece, others streamed, each from a source that can be opened again.

/** A body that is streamed, from the start again for each attempt. */
export interface StreamedBody {
  readonly length: number
  open(): AsyncIterable<Uint8Array>
}

export type RequestBody = Uint8Array | StreamedBody | undefined

/** Whether the body comes as a stream. */
export const isStreamed = (body: RequestBody): body is StreamedBody => body !== undefined && 'open' in body

/** Keeps what the source of a body throws, since undici reports it like a broken connection. */
export const watch = (
  body: StreamedBody,
): { stream: AsyncIterable<Uint8Array>; failure(): { error: unknown } | undefined } => {
  let failure: { error: unknown } | undefined
  const stream = async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield* body.open()
    } catch (error) {
      failure = { error }
      throw error
    }
  }
  return { stream: stream(), failure: () => failure }
}

/** Bodies up to this size go out in one write, together with their headers. */
export const onePiece = 512 * 1024

/** A body in one piece, to be given back at the end; `isRead` says whether the server has read all of it. */
export interface Piece {
  readonly bytes: Uint8Array
  giveBack(isRead: boolean): Promise<void>
}

/** All of a small body; its one chunk is not copied, so its source waits until it is given back. */
export const gather = async (body: StreamedBody): Promise<Piece> => {
  const source = body.open()[Symbol.asyncIterator]()
  const first = await source.next()
  if (!first.done && first.value.length === body.length)
    return {
      bytes: first.value,
      // A source that is asked for more may use the memory again, which a socket could still be sending from.
      giveBack: async (isRead) => {
        await (isRead ? source.next() : source.return?.())
      },
    }
  const chunks: Uint8Array[] = []
  for (let next = first; !next.done; next = await source.next()) chunks.push(Buffer.from(next.value))
  return { bytes: Buffer.concat(chunks), giveBack: async () => undefined }
}

/** The headers that a body needs. */
export const bodyHeaders = (body: RequestBody): Record<string, string> =>
  body === undefined ? {} : { 'content-length': String(body.length) }
