// Reads response bodies with a limit: what a server sends is never trusted to end.

export interface LimitedBody {
  readonly bytes: Uint8Array
  /** Whether the body went on beyond the limit; the rest was not read. */
  readonly truncated: boolean
}

/** The first `limit` bytes of the body; leaving early ends its connection. */
export const readLimited = async (body: AsyncIterable<Uint8Array>, limit: number): Promise<LimitedBody> => {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    if (length + chunk.length > limit) {
      chunks.push(chunk.subarray(0, limit - length))
      return { bytes: Buffer.concat(chunks), truncated: true }
    }
    chunks.push(chunk)
    length += chunk.length
  }
  return { bytes: Buffer.concat(chunks, length), truncated: false }
}
