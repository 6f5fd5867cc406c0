// Digests: `algorithm:hex` over the exact bytes (image-spec, descriptor.md#digests).
import { createHash, type Hash } from 'node:crypto'
import { verificationFailure } from './failure.ts'

export type DigestAlgorithm = 'sha256' | 'sha512'

/** A content digest of a registered algorithm, lower-case hex. */
export type Digest = `${DigestAlgorithm}:${string}`

const pattern = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/

/** Whether the text is a digest of a registered algorithm with the right number of lower-case hex digits. */
export const isDigest = (text: unknown): text is Digest => typeof text === 'string' && pattern.test(text)

/**
 * The text as a digest.
 * @throws {Failure} verification, when it is not one.
 */
export const parseDigest = (text: string): Digest => {
  if (isDigest(text)) return text
  throw verificationFailure(`"${text.slice(0, 160)}" is not a digest: expected sha256: and 64 lower-case hex digits`)
}

/** The sha256 digest of the bytes. */
export const digestOf = (bytes: Uint8Array): Digest => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

export const algorithmOf = (digest: Digest): DigestAlgorithm => (digest.startsWith('sha512:') ? 'sha512' : 'sha256')

/** The hex part of a digest: the file name of the blob in an image layout. */
export const hexOf = (digest: Digest): string => digest.slice(digest.indexOf(':') + 1)

/** A running hash of the digest's algorithm, to check content while it streams. */
export const createVerifier = (
  digest: Digest,
): { update(chunk: Uint8Array): void; matches(): boolean; actual(): Digest } => {
  const algorithm = algorithmOf(digest)
  const hash: Hash = createHash(algorithm)
  let actual: Digest | undefined
  const finish = (): Digest => {
    actual ??= `${algorithm}:${hash.digest('hex')}`
    return actual
  }
  return { update: (chunk) => void hash.update(chunk), matches: () => finish() === digest, actual: finish }
}
