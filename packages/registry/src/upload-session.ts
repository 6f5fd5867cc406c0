// An upload that a server has opened, and the bytes that go into it.
import { type BlobContent, type Descriptor, isStoreError, type Repository, StoreError } from '@polyarch/oci'
import { headerOf } from './errors.ts'
import type { ReadResponse } from './exchange.ts'
import { resolveLocation } from './location.ts'
import { type RegistryHost, writeScope } from './registry-host.ts'
import type { StreamedBody } from './request-body.ts'

export interface Upload {
  readonly host: RegistryHost
  readonly repository: string
  readonly descriptor: Descriptor
  readonly content: BlobContent
  /** Repositories that may have the blob: those of this host are asked for it before it is uploaded. */
  readonly mountFrom: readonly Repository[]
  /** Repositories that have it, as far as is known. */
  readonly heldBy: readonly Repository[]
  /** The repository may have the blob already: where it cannot be mounted, it is looked up before it is uploaded. */
  readonly mayBePresent: boolean
  /** Told of each byte once, also when it is sent again. */
  readonly onProgress: (bytes: number) => void
}

/** An upload that a server has opened, and how many bytes of it have arrived. */
export interface UploadSession {
  readonly url: URL
  readonly offset: number
  /** The length of the chunks in which the registry wants the blob; absent where it takes it whole. */
  readonly chunkLength?: number | undefined
}

export const octets = { 'content-type': 'application/octet-stream' }

/** What every request that opens an upload has in common. */
export const openingRequest = ({ repository }: Upload) =>
  ({ method: 'POST', repository, notFound: 'NAME_UNKNOWN', scopes: [writeScope(repository)] }) as const

/** The content from `start` up to `end`, held against its size; what the source throws stays as it is. */
export const createBody = (
  { content, descriptor, onProgress }: Upload,
  start: number,
  end: number,
  sent: { bytes: number },
): StreamedBody => ({
  length: end - start,
  open: async function* () {
    let offset = start
    for await (const chunk of content.open(start)) {
      const bytes = end < descriptor.size ? chunk.subarray(0, end - offset) : chunk
      offset += bytes.length
      if (offset > descriptor.size) break
      if (offset > sent.bytes) {
        onProgress(offset - sent.bytes)
        sent.bytes = offset
      }
      yield bytes
      if (offset === end && end < descriptor.size) return
    }
    if (offset !== end)
      throw new StoreError(
        'SIZE_INVALID',
        `${content.origin} has ${offset > descriptor.size ? 'more than' : 'only'} ${Math.min(offset, descriptor.size)} bytes: its descriptor says ${descriptor.size}`,
      )
  },
})

/** The upload that the answer's Location names. */
export const sessionOf = (
  host: RegistryHost,
  response: ReadResponse,
  method: string,
  progress: Omit<UploadSession, 'url'>,
): UploadSession => ({
  url: resolveLocation(headerOf(response, 'location'), { method, url: response.url }, host.isInsecure),
  ...progress,
})

/** How many bytes of the upload an answer says that there are, or undefined where it does not say. */
export const bytesThere = (response: ReadResponse): number | undefined => {
  const last = /^(?:bytes=)?0-(\d{1,15})$/.exec(headerOf(response, 'range') ?? '')?.[1]
  if (last === undefined) return undefined
  // `0-0` is what registries say of an empty upload, though it would mean one byte.
  return last === '0' ? 0 : Number(last) + 1
}

/** Ends an upload that nobody needs, with one try: a registry that does not do it forgets uploads by itself. */
export const cancelUpload = async (host: RegistryHost, repository: string, url: URL): Promise<void> => {
  try {
    const { body } = await host.open({
      method: 'DELETE',
      repository,
      target: url,
      scopes: [writeScope(repository)],
      accept: [200, 202, 204, 404],
      notFound: 'BLOB_UPLOAD_UNKNOWN',
    })
    await body.discard()
  } catch (error) {
    if (!isStoreError(error)) throw error
  }
}
