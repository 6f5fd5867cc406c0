// Reads the tar of a layer as a stream, however it is compressed; nothing is ever held whole.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { pipeline, Readable } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { type Digest, Failure, verificationFailure } from '@polyarch/oci'
import { extract, type Header } from 'tar-stream'

/** One entry of a layer: its path without leading `/` or `./`. */
export interface LayerEntry {
  readonly path: string
  readonly type: Header['type']
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** What a link points to; undefined for what is none. */
  readonly linkname: string | undefined
  /** Bytes. */
  readonly size: number
  /** The entry's bytes: read them all or none. */
  readonly content: AsyncIterable<Uint8Array>
}

const gzip = [0x1f, 0x8b]
const zstd = [0x28, 0xb5, 0x2f, 0xfd]

const startsWith = (bytes: Uint8Array, magic: readonly number[]): boolean =>
  magic.every((byte, position) => bytes[position] === byte)

/** A layer's bytes uncompressed. The content decides, not the media type: registries are known to mix them up. */
export async function* decompressLayer(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  const chunks = bytes[Symbol.asyncIterator]()
  let head = Buffer.alloc(0)
  while (head.length < zstd.length) {
    const next = await chunks.next()
    if (next.done) break
    head = Buffer.concat([head, next.value])
  }
  const whole = Readable.from(
    (async function* () {
      yield head
      for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value
    })(),
    { objectMode: false },
  )
  const decoder = startsWith(head, gzip) ? createGunzip() : startsWith(head, zstd) ? createZstdDecompress() : undefined
  if (decoder === undefined) {
    yield* whole as AsyncIterable<Uint8Array>
    return
  }
  // A failure of either stream destroys the decoder with it, so the loop over the decoder throws it.
  pipeline(whole, decoder, () => undefined)
  yield* decoder as AsyncIterable<Uint8Array>
}

const relativePath = (name: string): string => name.replace(/^(?:\.?\/)+/, '').replace(/\/+$/, '')

/**
 * Visits each entry of a layer in order and gives the digest of its uncompressed bytes (the config's diff id).
 * @throws {Failure} verification, naming the layer, when it is not a tar.
 */
export const readLayer = async (
  name: string,
  bytes: AsyncIterable<Uint8Array>,
  visit: (entry: LayerEntry) => Promise<void>,
): Promise<Digest> => {
  const hash = createHash('sha256')
  const tar = extract()
  tar.on('entry', ({ name: path, type, mode, uid, gid, linkname, size }, content, next) => {
    const entry: LayerEntry = {
      path: relativePath(path),
      type,
      mode,
      uid,
      gid,
      linkname: linkname ?? undefined,
      size,
      content: content as unknown as LayerEntry['content'],
    }
    const take = async (): Promise<void> => {
      try {
        await visit(entry)
      } catch (error) {
        next(error as Error)
        return
      }
      content.resume()
      next()
    }
    void take()
  })
  const finished = new Promise<void>((resolve, reject) => {
    tar.on('finish', resolve)
    tar.on('error', reject)
  })
  // The rejection is met by the races below; between two of them nobody listens.
  finished.catch(() => undefined)
  try {
    for await (const chunk of decompressLayer(bytes)) {
      hash.update(chunk)
      if (!tar.write(chunk)) await Promise.race([once(tar, 'drain'), finished])
    }
    tar.end(null)
    await finished
  } catch (cause) {
    if (cause instanceof Failure) throw cause
    throw verificationFailure(`${name} is not a layer: ${(cause as Error).message}`, { cause })
  } finally {
    tar.destroy()
  }
  return `sha256:${hash.digest('hex')}`
}

/** The first bytes of an entry, at most `limit`; reads the entry to its end. */
export const readHead = async (content: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array> => {
  let head: Uint8Array = new Uint8Array()
  for await (const chunk of content)
    if (head.length < limit) head = Buffer.concat([head, chunk.subarray(0, limit - head.length)])
  return head
}
