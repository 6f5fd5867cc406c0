// Chunks of an upload: only for registries that ask for them (distribution-spec, pushing a blob in chunks).
import { headerOf, Refusal } from './errors.ts'
import type { ReadResponse } from './exchange.ts'
import { type RegistryHost, writeScope } from './registry-host.ts'
import { bytesThere, createBody, octets, sessionOf, type Upload, type UploadSession } from './upload-session.ts'

/** Bytes of a chunk where the registry would take smaller ones: each costs a round trip. */
const usualChunkLength = 16 * 1024 * 1024

/** The length of the chunks that the answer to an opened upload asks for; undefined where it asks for none. */
const chunkLengthOf = (response: ReadResponse): number | undefined => {
  const text = headerOf(response, 'oci-chunk-min-length') ?? ''
  return /^\d{1,15}$/.test(text) ? Math.max(Number(text), usualChunkLength) : undefined
}

/** The upload that the answer says it opened, without a byte yet. */
export const openedUpload = (host: RegistryHost, response: ReadResponse): UploadSession => {
  const chunkLength = host.facts.losesChunks ? undefined : chunkLengthOf(response)
  return sessionOf(host, response, 'POST', { offset: 0, chunkLength })
}

/** Whether a chunk comes before the last one, which goes with the request that ends the upload. */
export const hasChunkBeforeLast = ({ descriptor }: Upload, { offset, chunkLength }: UploadSession): boolean =>
  chunkLength !== undefined && descriptor.size - offset > chunkLength

/** Sends one chunk; the upload goes on where the answer says. */
export const sendChunk = async (
  upload: Upload,
  session: UploadSession,
  sent: { bytes: number },
): Promise<UploadSession> => {
  const { host, repository } = upload
  const { offset, chunkLength = 0 } = session
  const end = offset + chunkLength
  const opened = await host.open({
    method: 'PATCH',
    repository,
    target: session.url,
    scopes: [writeScope(repository)],
    headers: { ...octets, 'content-range': `${offset}-${end - 1}` },
    body: createBody(upload, offset, end, sent),
    // 201 and 204 are what some answer instead of the spec's 202.
    accept: [202, 201, 204],
    notFound: 'BLOB_UPLOAD_UNKNOWN',
  })
  const response = await host.readWhole(opened, 'PATCH')
  const there = bytesThere(response) ?? end
  if (there !== end) {
    host.facts.losesChunks = true
    const question = { method: 'PATCH', url: response.url }
    const reason = `it has ${there} bytes of the upload after a chunk that ended at ${end}`
    throw new Refusal('BLOB_UPLOAD_INVALID', reason, question, { status: response.status, transient: false })
  }
  const progress = { offset: end, chunkLength }
  return headerOf(response, 'location') === undefined
    ? { ...session, ...progress }
    : sessionOf(host, response, 'PATCH', progress)
}
