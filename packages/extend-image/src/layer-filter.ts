// Reads the layers that an engine wrote, and writes those of them anew in which only some entries are an extension's.
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { decompressLayer } from '@polyarch/engine'
import { type BlobContent, type Descriptor, type Digest, type StoreReader, verificationFailure } from '@polyarch/oci'
import { extract, type Header } from 'tar-stream'
import type { EntryFacts } from './layer-entries.ts'

/** An entry with its bytes in the layer's tar, headers and padding included. */
export interface PlacedEntry extends EntryFacts {
  readonly from: number
  readonly to: number
}

const block = 512

const roundUp = (size: number): number => Math.ceil(size / block) * block

const relativePath = (name: string): string =>
  name
    .replace(/^(?:\.?\/+)+/, '')
    .replace(/^\.$/, '')
    .replace(/\/+$/, '')

/** Where the entry's content begins in the tar; tar-stream counts it since 3.1.8. */
const contentOffset = (header: Header): number => (header as Header & { readonly byteOffset: number }).byteOffset

/**
 * The entries of a layer, and the digest of its uncompressed bytes.
 * @throws {Failure} verification, when it is not a tar.
 */
export const listEntries = async (
  store: StoreReader,
  layer: Descriptor,
): Promise<{ readonly entries: readonly PlacedEntry[]; readonly diffId: Digest }> => {
  const entries: PlacedEntry[] = []
  const hash = createHash('sha256')
  const tar = extract()
  let end = 0
  tar.on('entry', (header, content, next) => {
    const to = contentOffset(header) + roundUp(header.size ?? 0)
    const attributes = Object.keys(header.pax ?? {}).some((key) => key.startsWith('SCHILY.xattr.'))
    entries.push({
      path: relativePath(header.name),
      type: header.type ?? 'file',
      mode: header.mode ?? 0,
      uid: header.uid ?? 0,
      gid: header.gid ?? 0,
      hasAttributes: attributes,
      ...(header.type === 'link' && header.linkname ? { target: relativePath(header.linkname) } : {}),
      from: end,
      to,
    })
    end = to
    content.on('end', next)
    content.resume()
  })
  try {
    await pipeline(
      Readable.from(
        (async function* () {
          for await (const chunk of decompressLayer(store.getBlob(layer))) {
            hash.update(chunk)
            yield chunk
          }
        })(),
        { objectMode: false },
      ),
      tar,
    )
  } catch (cause) {
    throw verificationFailure(`${store.location}@${layer.digest} is not a layer: ${(cause as Error).message}`, {
      cause,
    })
  }
  return { entries, diffId: `sha256:${hash.digest('hex')}` }
}

/** The bytes of these ranges, in their order, and the end that every tar has. */
async function* pickRanges(
  bytes: AsyncIterable<Uint8Array>,
  ranges: readonly { readonly from: number; readonly to: number }[],
): AsyncGenerator<Uint8Array> {
  let at = 0
  let position = 0
  for await (const chunk of bytes) {
    const start = at
    at += chunk.length
    for (let range = ranges[position]; range !== undefined && range.from < at; range = ranges[position]) {
      const piece = chunk.subarray(Math.max(range.from - start, 0), Math.min(range.to - start, chunk.length))
      if (piece.length > 0) yield piece
      if (range.to > at) break
      position += 1
    }
  }
  yield new Uint8Array(2 * block)
}

/** A layer in a file, compressed. */
export interface WrittenLayer {
  readonly digest: Digest
  readonly size: number
  readonly diffId: Digest
  readonly content: BlobContent
}

/**
 * Writes a tar into the file, compressed with gzip. Another level gives the same entries another digest.
 */
export const writeLayer = async (tar: AsyncIterable<Uint8Array>, file: string, level = 6): Promise<WrittenLayer> => {
  const [plain, compressed] = [createHash('sha256'), createHash('sha256')]
  await pipeline(
    Readable.from(
      (async function* () {
        for await (const chunk of tar) {
          plain.update(chunk)
          yield chunk
        }
      })(),
      { objectMode: false },
    ),
    createGzip({ level }),
    async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        compressed.update(chunk)
        yield chunk
      }
    },
    createWriteStream(file, { mode: 0o600 }),
  )
  return {
    digest: `sha256:${compressed.digest('hex')}`,
    size: (await stat(file)).size,
    diffId: `sha256:${plain.digest('hex')}`,
    content: { origin: file, open: (start = 0) => createReadStream(file, { start }) },
  }
}

/** The tar with only these ranges of the layer's own, byte for byte as they were. */
export const pickEntries = (
  store: StoreReader,
  layer: Descriptor,
  ranges: readonly { readonly from: number; readonly to: number }[],
): AsyncIterable<Uint8Array> => pickRanges(decompressLayer(store.getBlob(layer)), ranges)
