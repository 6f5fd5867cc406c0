// Uploads a blob: one POST, one PUT; after a broken connection on from where the server has got to.
import { type BlobArrival, createVerifier, type Digest, StoreError } from '@polyarch/oci'
import { findBlob } from './blobs.ts'
import { hasChunkBeforeLast, openedUpload, sendChunk } from './chunks.ts'
import { headerOf, Refusal } from './errors.ts'
import { mountBlob } from './mount.ts'
import { hasBlob, noteBlob, readScope, writeScope } from './registry-host.ts'
import {
  bytesThere,
  cancelUpload,
  createBody,
  octets,
  openingRequest,
  sessionOf,
  type Upload,
  type UploadSession,
} from './upload-session.ts'

/** Up to this size a blob tries out whether the server takes it with the opening request. */
const probeSize = 64 * 1024

const urlWithDigest = (url: URL, digest: Digest): URL => {
  const target = new URL(url)
  target.searchParams.set('digest', digest)
  return target
}

/**
 * Whether an upload opened without its blob may still go well: a login or a connection that is missing stays missing, and
 * a server that is too busy has to be waited for.
 */
const mayGoWithoutBlob = (error: unknown): error is Refusal => {
  if (!(error instanceof Refusal) || error.retryAfter !== undefined) return false
  return error.code === 'UNREACHABLE'
    ? error.transient
    : !['UNAUTHORIZED', 'DENIED', 'TOOMANYREQUESTS'].includes(error.code)
}

/** Opens the upload with the blob in the same request: 'done', an upload instead, or undefined where that failed. */
const startWhole = async (
  upload: Upload,
  sent: { bytes: number },
  probing: boolean,
): Promise<UploadSession | 'done' | undefined> => {
  const { host, descriptor } = upload
  const { facts } = host
  // Only one blob tries it out: the others that start now do what works everywhere.
  if (probing) facts.acceptsSinglePost = false
  try {
    const opened = await host.open({
      ...openingRequest(upload),
      target: `blobs/uploads/?${new URLSearchParams({ digest: descriptor.digest }).toString()}`,
      headers: octets,
      body: createBody(upload, 0, descriptor.size, sent),
      accept: [201, 202],
    })
    const response = await host.readWhole(opened, 'POST')
    facts.acceptsSinglePost = response.status === 201
    return response.status === 201 ? 'done' : openedUpload(host, response)
  } catch (error) {
    // Servers that take no body here refuse it, break the connection or fail, and zot fails where the bytes are wrong: the
    // plain requests, which the spec requires, say what it is.
    if (mayGoWithoutBlob(error) && (probing || error.transient)) return undefined
    throw error
  }
}

/** Opens an upload; 'done' where the server has the blob at once. */
const startUpload = async (upload: Upload, sent: { bytes: number }): Promise<UploadSession | 'done'> => {
  const { host, descriptor } = upload
  const { facts } = host
  const probing = facts.acceptsSinglePost === undefined && descriptor.size <= probeSize && descriptor.size > 0
  const whole = probing || facts.acceptsSinglePost === true ? await startWhole(upload, sent, probing) : undefined
  if (whole !== undefined) return whole
  const response = await host.call({ ...openingRequest(upload), target: 'blobs/uploads/', accept: [202] })
  return openedUpload(host, response)
}

/** Sends what the server does not have yet, and ends the upload. */
const finishUpload = async (upload: Upload, session: UploadSession, sent: { bytes: number }): Promise<void> => {
  const { host, repository, descriptor } = upload
  const { offset } = session
  const isRest = offset > 0 && offset < descriptor.size
  const response = await host.open({
    method: 'PUT',
    repository,
    target: urlWithDigest(session.url, descriptor.digest),
    scopes: [writeScope(repository)],
    headers: { ...octets, ...(isRest ? { 'content-range': `${offset}-${descriptor.size - 1}` } : {}) },
    body: createBody(upload, offset, descriptor.size, sent),
    // 204 came from registries before the OCI spec.
    accept: [201, 204],
    notFound: 'BLOB_UPLOAD_UNKNOWN',
  })
  await response.body.discard()
}

const isThere = async ({ host, repository, descriptor }: Upload): Promise<boolean> =>
  (await findBlob(host, repository, descriptor.digest)) === descriptor.size

/**
 * What a broken attempt left: an upload to go on with, 'done' where the blob got through and only the answer was lost,
 * or undefined to begin again.
 */
const inspectUpload = async (
  upload: Upload,
  session: UploadSession | undefined,
): Promise<UploadSession | 'done' | undefined> => {
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
    const offset = bytesThere(response) ?? 0
    if (offset > 0 && offset <= descriptor.size) {
      const progress = { offset, chunkLength: session.chunkLength }
      return headerOf(response, 'location') === undefined
        ? { url: session.url, ...progress }
        : sessionOf(host, response, 'GET', progress)
    }
    await cancelUpload(host, repository, session.url)
    return undefined
  } catch (error) {
    if (!(error instanceof Refusal) || error.request?.status === undefined) throw error
    // The server knows nothing of the upload any more: it ended well, or it is lost.
    return (await isThere(upload)) ? 'done' : undefined
  }
}

/** Statuses that say what else is wrong: not the bytes. */
const otherReasons: ReadonlySet<number> = new Set([401, 403, 404, 405, 413, 416, 429])

/**
 * Whether a request that ends an upload was refused, perhaps because of its bytes: few registries say DIGEST_INVALID
 * of them and nothing else.
 */
const mayBeCorrupt = (error: unknown): error is Refusal => {
  if (!(error instanceof Refusal) || error.transient || error.code === 'BLOB_UPLOAD_UNKNOWN') return false
  if (error.code === 'DIGEST_INVALID') return true
  const { method, url } = error.question
  const endsUpload = method === 'PUT' || url.searchParams.has('digest')
  const status = error.request?.status ?? 0
  return endsUpload && status >= 400 && status < 500 && !otherReasons.has(status)
}

/** Reads the content once more. @throws {StoreError} DIGEST_INVALID, where it is not what the descriptor says. */
const checkContent = async ({ descriptor, content }: Upload, cause: Refusal): Promise<void> => {
  const verifier = createVerifier(descriptor.digest)
  for await (const chunk of content.open(0)) verifier.update(chunk)
  if (verifier.matches()) return
  const reason = `${content.origin} is corrupt: its digest is ${verifier.actual()}, not ${descriptor.digest}`
  throw new StoreError('DIGEST_INVALID', reason, { cause })
}

/** The refusal of a digest that the content has. */
const damageOf = ({ host, repository, descriptor, content }: Upload, cause: Refusal): StoreError =>
  new StoreError(
    'DIGEST_INVALID',
    `${host.name}/${repository} refuses ${descriptor.digest}, but that is what ${content.origin} has: it was damaged on the way or by the registry`,
    { cause },
  )

/**
 * Whether the upload is worth beginning again: the server has forgotten it, or refuses its continuation, in which it
 * may have miscounted. Only what it says of a whole upload is believed.
 */
const isLostSession = (error: unknown, session: UploadSession | undefined): boolean =>
  error instanceof Refusal &&
  !error.transient &&
  error.code !== 'UNAUTHORIZED' &&
  error.code !== 'DENIED' &&
  ((session?.offset ?? 0) > 0 ||
    error.request?.status === 416 ||
    ['BLOB_UPLOAD_UNKNOWN', 'BLOB_UPLOAD_INVALID'].includes(error.code))

/** How often an upload that the server has forgotten begins again. */
const mostRestarts = 3

/** Sends the content, through the upload where one is open already. */
const sendBlob = async (upload: Upload, opened: UploadSession | undefined): Promise<void> => {
  const { host, repository, descriptor } = upload
  const place = `${host.name}/${repository}`
  const sent = { bytes: 0 }
  let session = opened
  let isContentChecked = false
  let restarts = 0
  let attempt = 1
  let furthest = 0
  for (;;) {
    try {
      const started: UploadSession | 'done' = session ?? (await startUpload(upload, sent))
      if (started !== 'done') {
        session = started
        while (hasChunkBeforeLast(upload, session)) {
          session = await sendChunk(upload, session, sent)
          attempt = 1
        }
        await finishUpload(upload, session, sent)
      }
      host.succeed()
      break
    } catch (error) {
      if (!isContentChecked && mayBeCorrupt(error)) {
        await checkContent(upload, error)
        isContentChecked = true
      }
      if (isLostSession(error, session) && restarts < mostRestarts) {
        restarts += 1
        session = undefined
        continue
      }
      if (error instanceof Refusal && error.code === 'DIGEST_INVALID') throw damageOf(upload, error)
      await host.recover(error, attempt, place)
      const state = await inspectUpload(upload, session)
      if (state === 'done') break
      attempt = state !== undefined && state.offset > furthest ? 1 : attempt + 1
      furthest = Math.max(furthest, state?.offset ?? 0)
      session = state
    }
  }
  if (sent.bytes < descriptor.size) upload.onProgress(descriptor.size - sent.bytes)
}

/**
 * Mounts the blob from a repository that is known or said to have it, or uploads it.
 * @throws {StoreError} DIGEST_INVALID or SIZE_INVALID, naming the content's origin when it is at fault.
 */
export const uploadBlob = async (upload: Upload): Promise<BlobArrival> => {
  const { host, repository, descriptor, onProgress } = upload
  const arrive = (arrival: BlobArrival): BlobArrival => {
    if (arrival !== 'uploaded') onProgress(descriptor.size)
    noteBlob(host, descriptor.digest, repository)
    return arrival
  }
  if (hasBlob(host, descriptor.digest, repository)) return arrive('present')
  const opened = await mountBlob(upload)
  if (opened === 'mounted') return arrive('mounted')
  if (upload.mayBePresent && (await isThere(upload))) {
    if (opened !== undefined) await cancelUpload(host, repository, opened.url)
    return arrive('present')
  }
  await sendBlob(upload, opened)
  return arrive('uploaded')
}
