// Manifests over HTTP: resolved, read and pushed, and every digest that a server names held against the bytes.
import {
  createVerifier,
  type Descriptor,
  type Digest,
  describeReferrer,
  digestOf,
  findManifest,
  isDigest,
  isIndexType,
  isManifestType,
  isStoreError,
  type ManifestContent,
  manifestSizeLimit,
  manifestTypes,
  mediaTypeOf,
  parseIndex,
  parseManifest,
  StoreError,
} from '@polyarch/oci'
import { headerOf, Refusal } from './errors.ts'
import type { ReadResponse } from './exchange.ts'
import { deleteScope, forgetBlob, type HostRequest, type RegistryHost, readScope, writeScope } from './registry-host.ts'

const acceptManifests = { accept: manifestTypes.join(', ') }

/** Refusals of a manifest may list every blob of an image that the registry lacks. */
const missingListLimit = 1024 * 1024

const mediaTypeOfHeader = (response: ReadResponse): string =>
  (headerOf(response, 'content-type') ?? '').replace(/;.*$/s, '').trim().toLowerCase()

const matches = (bytes: Uint8Array, digest: Digest): boolean => {
  const verifier = createVerifier(digest)
  verifier.update(bytes)
  return verifier.matches()
}

/** What reading a manifest's bytes gives; bytes that are none are refused like any other answer of a server. */
const readAs = <T>(name: string, read: () => T): T => {
  try {
    return read()
  } catch (cause) {
    throw new StoreError('MANIFEST_INVALID', `${name}: ${(cause as Error).message}`, { cause })
  }
}

/** The manifest behind a tag or digest, its digest computed from the bytes that came. */
export const getManifest = async (
  host: RegistryHost,
  repository: string,
  reference: string,
): Promise<ManifestContent> => {
  const response = await host.call({
    method: 'GET',
    repository,
    target: `manifests/${reference}`,
    scopes: [readScope(repository)],
    headers: acceptManifests,
    accept: [200],
    notFound: 'MANIFEST_UNKNOWN',
    bodyLimit: manifestSizeLimit,
  })
  const { bytes } = response
  const place = `${host.name}/${repository}`
  const claimed = headerOf(response, 'docker-content-digest')
  const expected = isDigest(reference) ? reference : isDigest(claimed) ? claimed : undefined
  if (expected !== undefined && !matches(bytes, expected))
    throw new StoreError(
      'DIGEST_INVALID',
      `${place}${isDigest(reference) ? '@' : ':'}${reference} came with the digest ${digestOf(bytes)}, not ${expected}`,
    )
  const digest = isDigest(reference) ? reference : digestOf(bytes)
  const stated = mediaTypeOfHeader(response)
  const name = `${place}@${digest}`
  const mediaType = readAs(name, () => mediaTypeOf(bytes))
  // A manifest that is one thing by its header and another by its bytes reads differently in every client (CVE-2021-41190).
  if (isManifestType(stated) && stated !== mediaType)
    throw new StoreError('MANIFEST_INVALID', `${name} is sent as ${stated} but says ${mediaType} of itself`)
  if (!isManifestType(mediaType) || (!isManifestType(stated) && stated.includes('manifest.v1')))
    throw new StoreError('MANIFEST_INVALID', `${name} is of a type that is not read: ${stated || mediaType}`)
  readAs(name, () => (isIndexType(mediaType) ? parseIndex(bytes) : parseManifest(bytes)))
  return { bytes, descriptor: { mediaType, digest, size: bytes.length } }
}

const headRequest = (repository: string, reference: string): HostRequest => ({
  method: 'HEAD',
  repository,
  target: `manifests/${reference}`,
  scopes: [readScope(repository)],
  headers: acceptManifests,
  accept: [200],
  notFound: 'MANIFEST_UNKNOWN',
})

/** The descriptor that the answer to HEAD states; undefined where it does not say enough. */
const describedBy = (host: RegistryHost, { repository }: HostRequest, reference: string, response: ReadResponse) => {
  const claimed = headerOf(response, 'docker-content-digest')
  const digest = isDigest(reference) ? reference : claimed
  const length = headerOf(response, 'content-length') ?? ''
  const mediaType = mediaTypeOfHeader(response)
  if (!isDigest(digest) || !/^[1-9]\d{0,15}$/.test(length) || !isManifestType(mediaType)) return undefined
  if (isDigest(claimed) && claimed !== digest && claimed.split(':')[0] === digest.split(':')[0])
    throw new StoreError('DIGEST_INVALID', `${host.name}/${repository}@${reference} is answered with ${claimed}`)
  return { mediaType, digest, size: Number(length) }
}

/** The descriptor behind a tag or digest: by HEAD, or by GET where the answer to HEAD does not say enough. */
export const resolveManifest = async (
  host: RegistryHost,
  repository: string,
  reference: string,
): Promise<Descriptor> => {
  const request = headRequest(repository, reference)
  let response: ReadResponse
  try {
    response = await host.call(request)
  } catch (error) {
    if (!isStoreError(error, 'UNSUPPORTED')) throw error
    return (await getManifest(host, repository, reference)).descriptor
  }
  return describedBy(host, request, reference, response) ?? (await getManifest(host, repository, reference)).descriptor
}

/** A manifest that refers to another, as the list of referrers has it. */
export interface Referrer {
  readonly subject: Digest
  readonly descriptor: Descriptor
}

/** What the manifest adds to its subject's referrers; undefined where it has no subject. */
export const referrerOf = ({ bytes, descriptor }: ManifestContent): Referrer | undefined => {
  // Reading 4 MiB of an index as JSON again is worth it only where there is a subject.
  if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('"subject"')) return undefined
  const manifest = isIndexType(descriptor.mediaType) ? parseIndex(bytes) : parseManifest(bytes)
  if (!isDigest(manifest.subject?.digest)) return undefined
  return { subject: manifest.subject.digest, descriptor: describeReferrer(manifest, descriptor) }
}

export interface PushedManifest {
  /** Whether the registry itself lists the manifest among its subject's referrers. */
  readonly subjectNoted: boolean
}

const putRequest = (repository: string, { bytes, descriptor }: ManifestContent, reference: string): HostRequest => ({
  method: 'PUT',
  repository,
  target: `manifests/${reference}`,
  scopes: [writeScope(repository)],
  headers: { 'content-type': descriptor.mediaType },
  body: bytes,
  accept: [200, 201, 202],
  notFound: 'NAME_UNKNOWN',
  errorLimit: missingListLimit,
})

/** Sends what stores the manifest, with its digest held against its bytes before and against the registry's after. */
const store = async (
  host: RegistryHost,
  repository: string,
  { bytes, descriptor: { digest } }: ManifestContent,
  send: () => Promise<readonly ReadResponse[]>,
): Promise<readonly ReadResponse[]> => {
  if (!matches(bytes, digest))
    throw new StoreError(
      'DIGEST_INVALID',
      `the manifest for ${host.name}/${repository} has the digest ${digestOf(bytes)}, not ${digest}`,
    )
  try {
    const answers = await send()
    for (const answer of answers) {
      const stored = headerOf(answer, 'docker-content-digest')
      if (isDigest(stored) && stored !== digest && stored.startsWith('sha256:') && digest.startsWith('sha256:'))
        throw new StoreError(
          'DIGEST_INVALID',
          `${host.name}/${repository} stored the manifest ${digest} as ${stored}: it changed its bytes`,
        )
    }
    return answers
  } catch (error) {
    if (error instanceof Refusal && error.request?.status === 413)
      throw error.withNote(`this registry takes no manifest of ${bytes.length} bytes`)
    if (error instanceof Refusal && error.missing.length > 0) {
      host.facts.refusesMissingContent = true
      for (const missing of error.missing) forgetBlob(host, missing, repository)
    }
    throw error
  }
}

/** Puts the manifest under the tag or its digest. */
export const putManifest = async (
  host: RegistryHost,
  repository: string,
  content: ManifestContent,
  tag: string | undefined,
): Promise<PushedManifest> => {
  const request = putRequest(repository, content, tag ?? content.descriptor.digest)
  const [answer] = await store(host, repository, content, async () => [await host.call(request)])
  return { subjectNoted: answer !== undefined && headerOf(answer, 'oci-subject') !== undefined }
}

/**
 * Puts the manifest under each of the references in this order, and gives what each of them reads back as.
 * `onPlaced` is told of each reference that the registry has taken.
 */
export const placeManifest = async (
  host: RegistryHost,
  repository: string,
  content: ManifestContent,
  references: readonly string[],
  onPlaced?: (reference: string) => void,
): Promise<(Descriptor | undefined)[]> => {
  const heads = references.map((reference) => headRequest(repository, reference))
  let answers: readonly ReadResponse[] = []
  await store(host, repository, content, async () => {
    answers = await host.callInOrder(
      [
        ...references.map((reference) => putRequest(repository, content, reference)),
        ...heads.map((request) => ({ ...request, accept: [200, 403, 404, 405, 501] })),
      ],
      (position) => {
        const reference = references[position]
        if (reference !== undefined) onPlaced?.(reference)
      },
    )
    return answers.slice(0, references.length)
  })
  const { digest } = content.descriptor
  return await Promise.all(
    heads.map(async (request, position) => {
      const reference = references[position]!
      const answer = answers[references.length + position]!
      const found = answer.status === 200 ? describedBy(host, request, reference, answer) : undefined
      if (found?.digest === digest) return found
      // Not every server behind a proxy keeps the order that HTTP asks for: what came too early is asked again.
      return await findManifest({ resolveManifest: (named) => resolveManifest(host, repository, named) }, reference)
    }),
  )
}

/** Removes a tag or a manifest. */
export const removeManifest = async (host: RegistryHost, repository: string, reference: string): Promise<void> => {
  try {
    await host.repeat(repository, async (attempt) => {
      const { body } = await host.open({
        method: 'DELETE',
        repository,
        target: `manifests/${reference}`,
        scopes: [writeScope(repository), deleteScope(repository)],
        // Gone at a later attempt: an earlier one did it, and only its answer was lost.
        accept: attempt === 1 ? [200, 202, 204] : [200, 202, 204, 404],
        notFound: 'MANIFEST_UNKNOWN',
      })
      await body.discard()
    })
  } catch (error) {
    // What the spec has registries answer that delete no tags; distribution 2.8 takes the tag for a malformed digest.
    if (!isDigest(reference) && error instanceof Refusal && [400, 405].includes(error.request?.status ?? 0))
      throw new StoreError('UNSUPPORTED', `${host.name}/${repository} does not delete tags`, { cause: error })
    throw error
  }
}
