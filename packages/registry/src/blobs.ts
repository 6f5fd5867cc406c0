// Whether a repository has a blob, and the bytes of small ones.
import { createVerifier, type Digest, isStoreError, StoreError } from '@polyarch/oci'
import { readLimited } from './body.ts'
import { headerOf, troubleOf } from './errors.ts'
import { forgetBlob, noteBlob, type RegistryHost, readScope } from './registry-host.ts'

/** The size of a blob whose HEAD does not state it, as a registry should but need not: by its first byte, else by all. */
const measureBlob = async (host: RegistryHost, repository: string, digest: Digest): Promise<number> =>
  await host.repeat(repository, async () => {
    const response = await host.open({
      method: 'GET',
      repository,
      target: `blobs/${digest}`,
      scopes: [readScope(repository)],
      headers: { range: 'bytes=0-0' },
      // A blob without bytes has no range.
      accept: [200, 206, 416],
      notFound: 'BLOB_UNKNOWN',
      streamed: true,
    })
    const range = /\/(\d{1,16})$/.exec(headerOf(response, 'content-range') ?? '')?.[1]
    const stated = response.status === 200 ? headerOf(response, 'content-length') : range
    if (stated !== undefined || response.status !== 200) await response.body.discard()
    if (stated !== undefined) return Number(stated)
    if (response.status !== 200)
      throw new StoreError(
        'UNKNOWN',
        `${host.name}/${repository}@${digest} is there, but the registry does not say how large it is`,
      )
    let size = 0
    try {
      for await (const chunk of response.body) size += chunk.length
    } catch (error) {
      throw troubleOf({ method: 'GET', url: response.url }, error)
    }
    return size
  })

/** The blob's size in bytes, or undefined where the repository does not have it. */
export const findBlob = async (host: RegistryHost, repository: string, digest: Digest): Promise<number | undefined> => {
  try {
    const response = await host.call({
      method: 'HEAD',
      repository,
      target: `blobs/${digest}`,
      scopes: [readScope(repository)],
      accept: [200],
      notFound: 'BLOB_UNKNOWN',
    })
    const length = headerOf(response, 'content-length') ?? ''
    const size = /^\d{1,16}$/.test(length) ? Number(length) : await measureBlob(host, repository, digest)
    noteBlob(host, digest, repository)
    return size
  } catch (error) {
    if (!isStoreError(error, 'BLOB_UNKNOWN', 'NAME_UNKNOWN')) throw error
    forgetBlob(host, digest, repository)
    return undefined
  }
}

/** All bytes of a blob of at most `limit` bytes, held against its digest. */
export const getSmallBlob = async (
  host: RegistryHost,
  repository: string,
  digest: Digest,
  limit: number,
): Promise<Uint8Array> => {
  const { bytes, truncated } = await host.repeat(repository, async () => {
    const { body } = await host.open({
      method: 'GET',
      repository,
      target: `blobs/${digest}`,
      scopes: [readScope(repository)],
      accept: [200],
      notFound: 'BLOB_UNKNOWN',
      bodyLimit: limit,
    })
    return await readLimited(body, limit)
  })
  if (truncated)
    throw new StoreError(
      'SIZE_INVALID',
      `${host.name}/${repository}@${digest} has more bytes than the limit of ${limit}`,
    )
  const verifier = createVerifier(digest)
  verifier.update(bytes)
  if (!verifier.matches())
    throw new StoreError('DIGEST_INVALID', `${host.name}/${repository}@${digest} has the digest ${verifier.actual()}`)
  return bytes
}
