// Which manifests of a layout have another as their subject: read once each, however many subjects are asked for.
import { isDeepStrictEqual } from 'node:util'
import {
  type Descriptor,
  type Digest,
  describeReferrer,
  type Failure,
  type Index,
  isIndexType,
  isManifestType,
  parseIndex,
  parseManifest,
} from '@polyarch/oci'
import { readManifest, unlessDamaged } from './manifests.ts'

export interface ReferrerList {
  /** The manifests below the layout's index.json whose subject is the digest. */
  find(index: Index, subject: Digest): Promise<readonly Descriptor[]>
  /** To be told of each manifest whose file was written or removed. */
  forget(digest: Digest): void
}

/** What counts of a manifest here: its bytes are its digest's, so that this never changes. */
interface Reading {
  readonly children: readonly Digest[]
  readonly subject: Digest | undefined
  readonly referrer: Descriptor
}

const readingOf = async (directory: string, digest: Digest): Promise<Reading | undefined> => {
  const content = await readManifest(directory, digest)
  if (content === undefined) return undefined
  const { bytes, descriptor } = content
  const manifest = isIndexType(descriptor.mediaType) ? parseIndex(bytes) : parseManifest(bytes)
  const children = 'manifests' in manifest ? manifest.manifests : []
  return {
    children: children.filter((child) => isManifestType(child.mediaType)).map((child) => child.digest),
    subject: manifest.subject?.digest,
    referrer: describeReferrer(manifest, descriptor),
  }
}

/** The referrers of the layout in the directory. `onUnreadable` is told of each manifest that cannot be read. */
export const createReferrerList = (directory: string, onUnreadable: (failure: Failure) => void): ReferrerList => {
  const readings = new Map<Digest, Reading>()
  let listed: { readonly index: Index; readonly bySubject: Promise<Map<Digest, Descriptor[]>> } | undefined

  /** Undefined where it is missing or damaged: nobody asked for it. */
  const read = async (digest: Digest): Promise<Reading | undefined> => {
    const known = readings.get(digest)
    if (known !== undefined) return known
    const reading = await unlessDamaged(readingOf(directory, digest), onUnreadable)
    if (reading !== undefined) readings.set(digest, reading)
    return reading
  }

  const listAll = async (index: Index): Promise<Map<Digest, Descriptor[]>> => {
    const bySubject = new Map<Digest, Descriptor[]>()
    const manifests = index.manifests.filter(({ mediaType }) => isManifestType(mediaType))
    const digests = new Set(manifests.map(({ digest }) => digest))
    // Whatever is added on the way is visited too.
    for (const digest of digests) {
      const reading = await read(digest)
      if (reading === undefined) continue
      for (const child of reading.children) digests.add(child)
      const { subject, referrer } = reading
      if (subject === undefined) continue
      const others = bySubject.get(subject)
      if (others === undefined) bySubject.set(subject, [referrer])
      else others.push(referrer)
    }
    return bySubject
  }

  return {
    find: async (index, subject) => {
      if (listed === undefined || !isDeepStrictEqual(listed.index, index)) listed = { index, bySubject: listAll(index) }
      return (await listed.bySubject).get(subject) ?? []
    },
    forget: (digest) => {
      readings.delete(digest)
      listed = undefined
    },
  }
}
