// Whether a repository has a blob, and the bytes of small ones.
import { createVerifier, type Digest, isStoreError, StoreError } from '@polyarch/oci'
import { readLimited } from './body.ts'
import { headerOf } from './errors.ts'
import { forgetBlob, noteBlob, type RegistryHost, readScope } from './registry-host.ts'

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
    if (!/^\d{1,16}$/.test(length))
      throw new StoreError(
        'UNKNOWN',
        `${host.name}/${repository}@${digest} is there, but the registry does not say how large it is`,
      )
    noteBlob(host, digest, repository)
    return Number(length)
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
