// The Store of one repository: reads from mirrors first, writes to the origin only.
import {
  type BlobArrival,
  type Descriptor,
  type Digest,
  findManifest,
  isStoreError,
  type Store,
  StoreError,
} from '@polyarch/oci'
import { findBlob, getSmallBlob } from './blobs.ts'
import { downloadBlob, type Source } from './download.ts'
import { Refusal } from './errors.ts'
import { getManifest, placeManifest, putManifest, referrerOf, removeManifest, resolveManifest } from './manifests.ts'
import { createMirroredReads } from './mirrors.ts'
import { addByTag, listByApi, listByTag } from './referrers.ts'
import { takeTurn } from './registry-host.ts'
import { listTags } from './tags.ts'
import { uploadBlob } from './upload.ts'
import type { Upload } from './upload-session.ts'

export interface RepositorySettings extends Source {
  /** Where everything is looked up and read first; none for a repository that is written to. */
  readonly mirrors: readonly Source[]
  readonly onRetry: (line: string) => void
}

/** Uploads once what several legs push at the same time; who joins later has its bytes told at the end. */
const uploadOnce = async (upload: Upload): Promise<BlobArrival> => {
  const { host, repository, descriptor } = upload
  const { uploads } = host
  const key = `${repository}@${descriptor.digest}`
  const underWay = uploads.get(key)
  if (underWay) {
    // Where the other one fails, its content may be at fault: this one tries its own.
    await underWay.catch(() => undefined)
    return uploadOnce(upload)
  }
  const started = uploadBlob(upload).finally(() => uploads.delete(key))
  uploads.set(key, started)
  return await started
}

/**
 * Whether a registry may have refused a tag only because its tags are immutable: ECR says 400 TAG_INVALID, Harbor 412,
 * others 403, 405 or 409. Where the tag has the digest already, that is what was asked for.
 */
const mayBeImmutable = (error: unknown): boolean =>
  error instanceof Refusal &&
  [400, 403, 405, 409, 412].includes(error.request?.status ?? 0) &&
  ['TAG_INVALID', 'MANIFEST_INVALID', 'DENIED', 'UNSUPPORTED', 'UNKNOWN'].includes(error.code)

/** Opens the store; nothing is sent yet. */
export const openRepository = (settings: RepositorySettings): Store => {
  const { host, repository, mirrors, onRetry } = settings
  const location = `${host.name}/${repository}`
  const origin: Source = { host, repository }

  const reads = createMirroredReads({ origin, mirrors, onRetry })

  /** What is listed by the first source that lists anything: a mirror need not know all that its origin has. */
  const listAnywhere = async <T>(list: (source: Source) => Promise<readonly T[]>): Promise<readonly T[]> => {
    const found = await reads.find(async (source) => {
      const listed = await list(source)
      return listed.length === 0 ? undefined : listed
    })
    return found ?? []
  }

  const resolveAnywhere: Store['resolveManifest'] = async (reference) => {
    if (mirrors.length === 0) return await resolveManifest(host, repository, reference)
    const found = await reads.find((source) =>
      findManifest({ resolveManifest: (named) => resolveManifest(source.host, source.repository, named) }, reference),
    )
    if (found !== undefined) return found
    throw new StoreError('MANIFEST_UNKNOWN', `neither ${location} nor a mirror of it has ${reference}`)
  }

  /** Which of the sources have the referrers API: within one host that may depend on the repository. */
  const hasReferrers = new Map<Source, boolean>()

  const listReferrersOf = async (source: Source, digest: Digest): Promise<readonly Descriptor[]> => {
    const list = () => listByTag({ get: (tag) => getManifest(source.host, source.repository, tag) }, digest)
    // While it is not known which of both there is, both are asked at once: one round trip less.
    const byTag = hasReferrers.get(source) === true ? undefined : list()
    // Where the API answers, it does not matter what became of the tag.
    byTag?.catch(() => undefined)
    if (hasReferrers.get(source) !== false) {
      try {
        const found = await listByApi(source.host, source.repository, digest)
        hasReferrers.set(source, found !== undefined)
        if (found !== undefined) return found
      } catch (error) {
        // Some registries deny paths that they do not know; others deny this one today.
        if (!(error instanceof Refusal) || error.request?.status !== 403) throw error
      }
    }
    return await (byTag ?? list())
  }

  const hasTag = async (tag: string, digest: Digest): Promise<boolean> => {
    try {
      return (await resolveManifest(host, repository, tag)).digest === digest
    } catch (error) {
      // Then the refusal of the tag says more than this one.
      if (isStoreError(error)) return false
      throw error
    }
  }

  /** The fallback tag is written after it is read: only the origin's is the truth. */
  const fallbackTag = {
    get: (tag: string) => getManifest(host, repository, tag),
    push: async (content: Parameters<Store['pushManifest']>[0], tag: string) => {
      await putManifest(host, repository, content, tag)
    },
  }

  return {
    location,
    get refusesMissingContent() {
      return host.facts.refusesMissingContent
    },

    resolveManifest: resolveAnywhere,
    getManifest: (reference) => reads.read((source) => getManifest(source.host, source.repository, reference)),

    resolveBlob: (digest) => reads.find((source) => findBlob(source.host, source.repository, digest)),
    getBlob: (descriptor, start = 0) => downloadBlob([...mirrors, origin], descriptor, start, onRetry),

    getSmallBlob: (digest, limit) =>
      reads.read((source) => getSmallBlob(source.host, source.repository, digest, limit)),

    listTags: () => listAnywhere((source) => listTags(source.host, source.repository)),
    listReferrers: (digest) => listAnywhere((source) => listReferrersOf(source, digest)),

    pushBlob: (descriptor, content, { onBytes, mountFrom = [], heldBy = [], mayBePresent = false } = {}) =>
      uploadOnce({
        host,
        repository,
        descriptor,
        content,
        mountFrom,
        heldBy,
        mayBePresent,
        onProgress: (bytes) => onBytes?.(descriptor.digest, bytes),
      }),

    pushManifest: async (content, tag) => {
      let subjectNoted: boolean
      try {
        subjectNoted = (await putManifest(host, repository, content, tag)).subjectNoted
      } catch (error) {
        if (tag === undefined || !mayBeImmutable(error) || !(await hasTag(tag, content.descriptor.digest))) throw error
        return
      }
      // Before its first push, a repository may have denied this like everything else.
      if (subjectNoted) hasReferrers.set(origin, true)
      const referrer = subjectNoted ? undefined : referrerOf(content)
      if (referrer !== undefined)
        await takeTurn(host, `${location}@${referrer.subject}`, () =>
          addByTag(fallbackTag, referrer.subject, referrer.descriptor),
        )
    },

    placeManifest: (content, references, onPlaced) => placeManifest(host, repository, content, references, onPlaced),

    deleteManifest: (reference) => removeManifest(host, repository, reference),
  }
}
