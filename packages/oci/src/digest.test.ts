// Digests: which texts are one, and that a verifier and a hash agree.
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { algorithmOf, createVerifier, type Digest, digestOf, hexOf, isDigest, parseDigest } from './index.ts'

const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

test('the digest of nothing is the known one', () => {
  expect(digestOf(new Uint8Array())).toBe(`sha256:${empty}`)
})

test.each([
  ['', 'empty'],
  [empty, 'without algorithm'],
  [`sha256:${empty.toUpperCase()}`, 'in upper case'],
  [`sha256:${empty.slice(1)}`, 'too short'],
  [`sha256:${empty}0`, 'too long'],
  [`sha256:${empty}\n`, 'with a line end'],
  [`md5:${empty.slice(32)}`, 'of an unknown algorithm'],
  [`sha512:${empty}`, 'of the other length'],
  ['sha256:../../../../etc/passwd', 'a path'],
  [`sha256-${empty}`, 'a fallback tag'],
])('%j is no digest: %s', (text) => {
  expect(isDigest(text)).toBe(false)
  expect(() => parseDigest(text)).toThrow(expect.objectContaining({ kind: 'verification' }))
})

describe('for all bytes', () => {
  test('a digest is read back, in its parts too', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const digest = digestOf(bytes)
        expect(parseDigest(digest)).toBe(digest)
        expect(`${algorithmOf(digest)}:${hexOf(digest)}`).toBe(digest)
      }),
    )
  })

  test('a verifier agrees however they are cut, for both algorithms, and with no other bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), fc.constantFrom('sha256', 'sha512'), (chunks, algorithm) => {
        const hex = createHash(algorithm).update(Buffer.concat(chunks)).digest('hex')
        const digest: Digest = `${algorithm as 'sha256' | 'sha512'}:${hex}`
        const verifier = createVerifier(digest)
        const other = createVerifier(digest)
        for (const chunk of chunks) {
          verifier.update(chunk)
          other.update(chunk)
        }
        other.update(Uint8Array.of(0))
        expect(verifier.matches()).toBe(true)
        expect(verifier.actual()).toBe(digest)
        expect(other.matches()).toBe(false)
        expect(other.actual()).not.toBe(digest)
      }),
    )
  })
})
