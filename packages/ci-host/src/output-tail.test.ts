// Output in any pieces: its end, and its lines.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createLineSplitter, createOutputTail } from './output-tail.ts'

const chunked = (bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] => {
  const chunks: Uint8Array[] = []
  let start = 0
  for (const size of sizes) {
    chunks.push(bytes.subarray(start, start + size))
    start += size
  }
  return [...chunks, bytes.subarray(start)]
}

const sizes = fc.array(fc.integer({ min: 1, max: 7 }))

describe('output tail', () => {
  test('is the end of what was pushed, in whatever pieces, and starts at a whole character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), sizes, fc.integer({ min: 1, max: 20 }), (text, pieces, limit) => {
        const bytes = Buffer.from(text)
        const tail = createOutputTail(limit)
        for (const chunk of chunked(bytes, pieces)) tail.push(chunk)
        const kept = Buffer.from(tail.text())
        expect(kept.length).toBeLessThanOrEqual(limit)
        expect(kept.length).toBeGreaterThanOrEqual(Math.min(bytes.length, limit - 3))
        expect(bytes.subarray(bytes.length - kept.length)).toEqual(kept)
      }),
    )
  })
})

describe('line splitter', () => {
  test('gives the same lines in whatever pieces the bytes come', () => {
    const line = fc.string({ unit: 'grapheme' }).filter((text) => !/[\r\n]/.test(text))
    fc.assert(
      fc.property(fc.array(line), sizes, (lines, pieces) => {
        const seen: string[] = []
        const splitter = createLineSplitter((text) => seen.push(text))
        for (const chunk of chunked(Buffer.from(lines.map((text) => `${text}\n`).join('')), pieces))
          splitter.push(chunk)
        splitter.end()
        expect(seen).toEqual(lines)
      }),
    )
  })

  test('hands on a line that never ends in pieces', () => {
    const seen: string[] = []
    const splitter = createLineSplitter((text) => seen.push(text))
    splitter.push(Buffer.alloc(200_000, 'x'))
    expect(seen.length).toBeGreaterThan(1)
    splitter.end()
    expect(seen.join('')).toBe('x'.repeat(200_000))
  })
})
