// Reads a blob as a stream: from mirrors first, on from where a connection broke, checked to the last byte.
import { createVerifier, type Descriptor, StoreError } from '@polyarch/oci'
import { headerOf, Refusal, troubleOf } from './errors.ts'
import type { OpenResponse } from './exchange.ts'
import { type RegistryHost, readScope } from './registry-host.ts'

/** A repository on a host that may have the content. */
export interface Source {
  readonly host: RegistryHost
  readonly repository: string
}

/** Bytes that a connection has to bring before its successors count as first attempts again. */
const progress = 1024 * 1024

const locationOf = ({ host, repository }: Source): string => `${host.name}/${repository}`

const otherSize = (place: string, { digest, size }: Descriptor, actual: number): StoreError =>
  new StoreError('SIZE_INVALID', `${place}@${digest} has ${actual} bytes: its descriptor says ${size}`)

const openAt = async ({ host, repository }: Source, descriptor: Descriptor, offset: number): Promise<OpenResponse> =>
  host.open({
    method: 'GET',
    repository,
    target: `blobs/${descriptor.digest}`,
    scopes: [readScope(repository)],
    ...(offset === 0 ? {} : { headers: { range: `bytes=${offset}-` } }),
    accept: offset === 0 ? [200] : [200, 206],
    notFound: 'BLOB_UNKNOWN',
    streamed: true,
  })

/** The bytes from `offset` on, also where the server knows no ranges and begins at the beginning. */
const readFrom = async function* (source: Source, descriptor: Descriptor, offset: number): AsyncGenerator<Uint8Array> {
  const response = await openAt(source, descriptor, offset)
  const question = { method: 'GET', url: response.url }
  let toSkip = offset
  if (response.status === 206) {
    const start = /^bytes (\d+)-/.exec(headerOf(response, 'content-range') ?? '')?.[1]
    if (start !== String(offset)) {
      await response.body.discard()
      throw new Refusal('UNKNOWN', `asked for bytes from ${offset} on, it sends others`, question, {
        status: 206,
        transient: false,
      })
    }
    toSkip = 0
  }
  // A login page that stands in for the blob is refused before anyone has a byte of it.
  const announced = headerOf(response, 'content-length')
  const actual = Number(announced) + offset - toSkip
  if (announced !== undefined && actual !== descriptor.size) {
    await response.body.discard()
    throw otherSize(locationOf(source), descriptor, actual)
  }
  try {
    for await (const chunk of response.body) {
      if (toSkip >= chunk.length) toSkip -= chunk.length
      else {
        yield toSkip === 0 ? chunk : chunk.subarray(toSkip)
        toSkip = 0
      }
    }
  } catch (error) {
    throw troubleOf(question, error)
  }
}

/**
 * The blob's bytes from `start` on, from the first source that has it; the last source is the origin.
 * @throws {StoreError} BLOB_UNKNOWN, SIZE_INVALID, or DIGEST_INVALID after the last byte of a read from the beginning.
 */
export const downloadBlob = async function* (
  sources: readonly Source[],
  descriptor: Descriptor,
  start: number,
  onRetry: (line: string) => void,
): AsyncGenerator<Uint8Array> {
  const { digest, size } = descriptor
  const verifier = start === 0 ? createVerifier(digest) : undefined
  /** Where the bytes came from. */
  const givers = new Set<string>()
  let offset = start
  for (const [position, source] of sources.entries()) {
    const { host } = source
    const place = locationOf(source)
    const isOrigin = position === sources.length - 1
    if (!isOrigin && host.facts.isGone) continue
    let attempt = 1
    let attemptStart = offset
    for (let done = false; !done; ) {
      try {
        for await (const chunk of readFrom(source, descriptor, offset)) {
          if (offset + chunk.length > size)
            throw new StoreError('SIZE_INVALID', `${place}@${digest} has more than the ${size} bytes of its descriptor`)
          offset += chunk.length
          givers.add(place)
          verifier?.update(chunk)
          yield chunk
        }
        if (offset !== size) throw otherSize(place, descriptor, offset)
        host.succeed()
        done = true
      } catch (error) {
        // Every byte came and only the end of the answer did not: there is no range left to ask for.
        if (error instanceof Refusal && offset === size && offset > attemptStart) done = true
        else if (isOrigin) {
          if (offset - attemptStart >= progress) attempt = 1
          await host.recover(error, attempt, place)
          attempt += 1
          attemptStart = offset
        } else {
          if (!(error instanceof StoreError)) throw error
          if (error.code === 'UNREACHABLE' && offset === attemptStart) host.facts.isGone = true
          onRetry(`${error.message}; reading on from the next place`)
          break
        }
      }
    }
    if (offset < size) continue
    if (verifier?.matches() === false)
      throw new StoreError(
        'DIGEST_INVALID',
        `${[...givers].join(' and ') || place}@${digest} has the digest ${verifier.actual()}`,
      )
    return
  }
}
