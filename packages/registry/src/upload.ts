// Uploads a blob: one POST, one PUT; after a broken connection on from where the server has got to.
import { type BlobContent, createVerifier, type Descriptor, type Digest, isStoreError, StoreError } from '@polyarch/oci'
import { findBlob } from './blobs.ts'
import { headerOf, Refusal } from './errors.ts'
import type { ReadResponse, StreamedBody } from './exchange.ts'
import { resolveLocation } from './location.ts'
import { hasBlob, noteBlob, type RegistryHost, readScope, writeScope } from './registry-host.ts'

export interface Upload {
  readonly host: RegistryHost
  readonly repository: string
  readonly descriptor: Descriptor
  readonly content: BlobContent
  /** Told of each byte once, also when it is sent again. */
  readonly onProgress: (bytes: number) => void
}

/** An upload that a server has opened, and how many bytes of it have arrived. */
interface Session {
  readonly url: URL
  readonly offset: number
}

/** Up to this size a blob tries out whether the server takes it with the opening request. */
const probeSize = 64 * 1024

const octets = { 'content-type': 'application/octet-stream' }

/** The content from `start` on, held against its size; what the source throws stays as it is. */
const createBody = (
  { content, descriptor, onProgress }: Upload,
  start: number,
  sent: { bytes: number },
): StreamedBody => ({
  length: descriptor.size - start,
  open: async function* () {
    let offset = start
    for await (const chunk of content.open(start)) {
      offset += chunk.length
      if (offset > descriptor.size) break
      if (offset > sent.bytes) {
        onProgress(offset - sent.bytes)
        sent.bytes = offset
      }
      yield chunk
    }
    if (offset !== descriptor.size)
      throw new StoreError(
        'SIZE_INVALID',
        `${content.origin} has ${offset > descriptor.size ? 'more than' : 'only'} ${Math.min(offset, descriptor.size)} bytes: its descriptor says ${descriptor.size}`,
      )
  },
})

const sessionOf = (host: RegistryHost, response: ReadResponse, method: string, offset: number): Session => ({
  url: resolveLocation(headerOf(response, 'location'), { method, url: response.url }, host.isInsecure),
  offset,
})

const urlWithDigest = (url: URL, digest: Digest): URL => {
  const target = new URL(url)
  target.searchParams.set('digest', digest)
  return target
}

/** A repository of the host that has the blob already, so that it can be mounted from there. */
const findOtherHolder = ({ host, repository, descriptor }: Upload): string | undefined =>
  [...(host.facts.blobs.get(descriptor.digest) ?? [])].find((holder) => holder !== repository)

/** Opens an upload; undefined where the server took the blob at once. */
const startUpload = async (upload: Upload, sent: { bytes: number }): Promise<Session | undefined> => {
  const { host, repository, descriptor } = upload
  const { facts } = host
  const holder = findOtherHolder(upload)
  const request = {
    method: 'POST',
    repository,
    notFound: 'NAME_UNKNOWN',
    scopes: [writeScope(repository)],
  } as const
  if (holder !== undefined) {
    const query = new URLSearchParams({ mount: descriptor.digest, from: holder })
    const response = await host.call({
      ...request,
      target: `blobs/uploads/?${query.toString()}`,
      scopes: [writeScope(repository), readScope(holder)],
      accept: [201, 202],
    })
    return response.status === 201 ? undefined : sessionOf(host, response, 'POST', 0)
  }
  const probing = facts.acceptsSinglePost === undefined && descriptor.size <= probeSize && descriptor.size > 0
  if (probing || facts.acceptsSinglePost === true) {
    // Only one blob tries it out: the others that start now do what works everywhere.
    if (probing) facts.acceptsSinglePost = false
    try {
      const response = await host.call({
        ...request,
        target: `blobs/uploads/?${new URLSearchParams({ digest: descriptor.digest }).toString()}`,
        headers: octets,
        body: createBody(upload, 0, sent),
        accept: [201, 202],
      })
      facts.acceptsSinglePost = response.status === 201
      return response.status === 201 ? undefined : sessionOf(host, response, 'POST', 0)
    } catch (error) {
      if (
        !probing ||
        !(error instanceof Refusal) ||
        !isStoreError(error, 'UNSUPPORTED', 'UNKNOWN', 'BLOB_UPLOAD_INVALID')
      )
        throw error
      // The server takes no body here: the plain request below is what the spec requires of it.
    }
  }
  const response = await host.call({ ...request, target: 'blobs/uploads/', accept: [202] })
  return sessionOf(host, response, 'POST', 0)
}

/** Sends what the server does not have yet, and ends the upload. */
const finishUpload = async (upload: Upload, session: Session, sent: { bytes: number }): Promise<void> => {
  const { host, repository, descriptor } = upload
  const { offset } = session
  const response = await host.open({
    method: 'PUT',
    repository,
    target: urlWithDigest(session.url, descriptor.digest),
    scopes: [writeScope(repository)],
    headers: { ...octets, ...(offset === 0 ? {} : { 'content-range': `${offset}-${descriptor.size - 1}` }) },
    body: createBody(upload, offset, sent),
    // 204 came from registries before the OCI spec.
    accept: [201, 204],
    notFound: 'BLOB_UPLOAD_UNKNOWN',
  })
  await response.body.dump()
}

const isThere = async ({ host, repository, descriptor }: Upload): Promise<boolean> =>
  (await findBlob(host, repository, descriptor.digest)) === descriptor.size

/** Ends an upload that nobody needs; a registry that does not allow it forgets uploads by itself. */
export const cancelUpload = async (host: RegistryHost, repository: string, url: URL): Promise<void> => {
  try {
    await host.call({
      method: 'DELETE',
      repository,
      target: url,
      scopes: [writeScope(repository)],
      accept: [200, 202, 204, 404],
      notFound: 'BLOB_UPLOAD_UNKNOWN',
    })
  } catch (error) {
    if (!isStoreError(error)) throw error
  }
}

/**
 * What a broken attempt left: an upload to go on with, 'done' where the blob got through and only the answer was lost,
 * or undefined to begin again.
 */
const inspectUpload = async (upload: Upload, session: Session | undefined): Promise<Session | 'done' | undefined> => {
  const { host, repository, descriptor } = upload
  if (session === undefined) return (await isThere(upload)) ? 'done' : undefined
  try {
    const response = await host.call({
      method: 'GET',
      repository,
      target: session.url,
      scopes: [readScope(repository)],
      accept: [204, 200, 202],
      notFound: 'BLOB_UPLOAD_UNKNOWN',
    })
    const last = /^(?:bytes=)?0-(\d{1,16})$/.exec(headerOf(response, 'range') ?? '')?.[1]
    // `0-0` is what registries say of an empty upload, though it would mean one byte.
    const offset = last === undefined || last === '0' ? 0 : Number(last) + 1
    if (offset > 0 && offset <= descriptor.size) {
      const location = headerOf(response, 'location')
      return location === undefined ? { url: session.url, offset } : sessionOf(host, response, 'GET', offset)
    }
    await cancelUpload(host, repository, session.url)
    return undefined
  } catch (error) {
    if (!(error instanceof Refusal) || error.request?.status === undefined) throw error
    // The server knows nothing of the upload any more: it ended well, or it is lost.
    return (await isThere(upload)) ? 'done' : undefined
  }
}

/** Says who is wrong when the registry refuses the digest: the local content, or what arrived of it. */
const explainDigest = async (
  { host, repository, descriptor, content }: Upload,
  cause: Refusal,
): Promise<StoreError> => {
  const verifier = createVerifier(descriptor.digest)
  for await (const chunk of content.open(0)) verifier.update(chunk)
  const reason = verifier.matches()
    ? `${host.name}/${repository} refuses ${descriptor.digest}, but that is what ${content.origin} has: it was damaged on the way or by the registry`
    : `${content.origin} is corrupt: its digest is ${verifier.actual()}, not ${descriptor.digest}`
  return new StoreError('DIGEST_INVALID', reason, { cause })
}

/**
 * Whether the upload is worth beginning again: the server has forgotten it, or refuses its continuation, in which it
 * may have miscounted. Only what it says of a whole upload is believed.
 */
const isLostSession = (error: unknown, session: Session | undefined): boolean =>
  error instanceof Refusal &&
  !error.transient &&
  error.code !== 'UNAUTHORIZED' &&
  error.code !== 'DENIED' &&
  ((session?.offset ?? 0) > 0 ||
    error.request?.status === 416 ||
    ['BLOB_UPLOAD_UNKNOWN', 'BLOB_UPLOAD_INVALID'].includes(error.code))

/** How often an upload that the server has forgotten begins again. */
const mostRestarts = 3

/**
 * Uploads the blob, or mounts it from where this client knows it to be.
 * @throws {StoreError} DIGEST_INVALID or SIZE_INVALID, naming the content's origin when it is at fault.
 */
export const uploadBlob = async (upload: Upload): Promise<void> => {
  const { host, repository, descriptor } = upload
  const place = `${host.name}/${repository}`
  const sent = { bytes: 0 }
  let session: Session | undefined
  let restarts = 0
  let attempt = 1
  let furthest = 0
  if (hasBlob(host, descriptor.digest, repository)) return upload.onProgress(descriptor.size)
  for (;;) {
    try {
      session ??= await startUpload(upload, sent)
      if (session !== undefined) await finishUpload(upload, session, sent)
      host.succeed()
      break
    } catch (error) {
      if (isLostSession(error, session) && restarts < mostRestarts) {
        restarts += 1
        session = undefined
        continue
      }
      if (error instanceof Refusal && error.code === 'DIGEST_INVALID') throw await explainDigest(upload, error)
      await host.recover(error, attempt, place)
      const state = await inspectUpload(upload, session)
      if (state === 'done') break
      attempt = state !== undefined && state.offset > furthest ? 1 : attempt + 1
      furthest = Math.max(furthest, state?.offset ?? 0)
      session = state
    }
  }
  if (sent.bytes < descriptor.size) upload.onProgress(descriptor.size - sent.bytes)
  noteBlob(host, descriptor.digest, repository)
}
