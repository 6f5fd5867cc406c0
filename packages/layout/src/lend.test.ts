// Blobs that are lent: the same bytes from any offset, in memory that is used again.
import { randomBytes } from 'node:crypto'
import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Descriptor, digestOf, hexOf, type Store } from '@polyarch/oci'
import { type TemporaryDirectory, temporaryDirectory } from '@polyarch/parts'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openLayout } from './index.ts'

/** The largest blob that is lent whole. */
const slot = 512 * 1024
/** The chunks of a larger one. */
const piece = 256 * 1024

let temporary: TemporaryDirectory
let layout: Store
beforeEach(async () => {
  temporary = await temporaryDirectory('layout')
  layout = openLayout(temporary.path)
})
afterEach(() => temporary[Symbol.asyncDispose]())

const pathOfBlob = ({ digest }: Descriptor): string => join(temporary.path, 'blobs/sha256', hexOf(digest))

const writeBlob = async (bytes: Buffer): Promise<Descriptor> => {
  const descriptor = { mediaType: 'application/octet-stream', digest: digestOf(bytes), size: bytes.length }
  await mkdir(dirname(pathOfBlob(descriptor)), { recursive: true })
  await writeFile(pathOfBlob(descriptor), bytes)
  return descriptor
}

/** The bytes as a writer sees them that is done with each chunk before it asks for the next. */
const readLent = async (descriptor: Descriptor, start?: number) => {
  const chunks: Buffer[] = []
  const memory = new Set<ArrayBufferLike>()
  for await (const chunk of layout.lendBlob?.(descriptor, start) ?? []) {
    chunks.push(Buffer.from(chunk))
    memory.add(chunk.buffer)
  }
  return { bytes: Buffer.concat(chunks), chunks: chunks.map((chunk) => chunk.length), buffers: memory.size }
}

describe('lendBlob', () => {
  test.each([0, 1, slot - 1, slot, slot + 1, 5 * slot, 5 * slot + 7])('gives all of %d bytes', async (size) => {
    const bytes = randomBytes(size)
    const lent = await readLent(await writeBlob(bytes))
    expect(lent.bytes.equals(bytes)).toBe(true)
    expect(lent.buffers).toBeLessThanOrEqual(2)
    // A socket makes a writer wait for every chunk but the last: none of the others may be small.
    expect(lent.chunks.slice(0, -1).every((length) => length === piece)).toBe(true)
  })

  test.each([1, slot, 2 * slot + 3, 3 * slot])('goes on from byte %d', async (start) => {
    const bytes = randomBytes(3 * slot)
    const lent = await readLent(await writeBlob(bytes), start)
    expect(lent.bytes.equals(bytes.subarray(start))).toBe(true)
  })

  test('keeps a chunk as it is while the next one is read', async () => {
    const bytes = randomBytes(4 * slot)
    let before: Uint8Array | undefined
    let at = 0
    for await (const chunk of layout.lendBlob?.(await writeBlob(bytes)) ?? []) {
      if (before) expect(bytes.subarray(at - piece, at).equals(before)).toBe(true)
      before = chunk
      at += chunk.length
    }
    expect(at).toBe(bytes.length)
  })

  // A disk that is slow cannot be had: its reads are as fast as any, and a fake clock says how long they took.
  test.each([
    { took: 9, others: 'wait for each read' },
    { took: 11, others: 'go on from the second read on' },
  ])('where a read takes $took ms, others $others', async ({ took, others }) => {
    let now = 0
    vi.spyOn(performance, 'now').mockImplementation(() => {
      now += took
      return now
    })
    const bytes = randomBytes(4 * slot)
    const descriptor = await writeBlob(bytes)
    const chunks: Buffer[] = []
    let [turns, turnsBetween] = [0, 0]
    try {
      for await (const chunk of layout.lendBlob?.(descriptor) ?? []) {
        chunks.push(Buffer.from(chunk))
        turnsBetween = turns
        setImmediate(() => {
          turns += 1
        })
      }
    } finally {
      vi.restoreAllMocks()
    }
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true)
    expect(turnsBetween > 0).toBe(others !== 'wait for each read')
  })

  test('leaves a chunk alone where its reader left early: a socket may still be sending it', async () => {
    const bytes = randomBytes(slot)
    let kept: Uint8Array | undefined
    for await (const chunk of layout.lendBlob?.(await writeBlob(bytes)) ?? []) {
      kept = chunk
      break
    }
    await readLent(await writeBlob(randomBytes(slot)))
    expect(kept && bytes.equals(kept)).toBe(true)
  })

  test('refuses what is missing, has another size or is a link', async () => {
    const absent = { mediaType: 'application/octet-stream', digest: digestOf(Buffer.from('absent')), size: 6 }
    await expect(readLent(absent)).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' })
    const short = await writeBlob(randomBytes(2000))
    await truncate(pathOfBlob(short), 1000)
    await expect(readLent(short)).rejects.toMatchObject({ code: 'SIZE_INVALID' })
    await symlink('/etc/hostname', pathOfBlob(absent))
    await expect(readLent(absent)).rejects.toThrow('symbolic link')
  })
})
