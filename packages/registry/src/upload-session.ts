// An upload that a server has opened, and the bytes that go into it.
import { type BlobContent, type Descriptor, StoreError } from '@polyarch/oci'
import { headerOf } from './errors.ts'
import type { ReadResponse } from './exchange.ts'
import { resolveLocation } from './location.ts'
import type { RegistryHost } from './registry-host.ts'
import type { StreamedBody } from './request-body.ts'

export interface Upload {
  readonly host: RegistryHost
  readonly repository: string
  readonly descriptor: Descriptor
  readonly content: BlobContent
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
