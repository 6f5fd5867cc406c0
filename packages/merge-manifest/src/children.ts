// Reads the images that go into the index, and holds each against its record and its platform.
import {
  attestedDigestAnnotation,
  type Descriptor,
  type Digest,
  Failure,
  flattenManifest,
  forEachParallel,
  formatPlatform,
  getConfigBytes,
  getImageConfig,
  getManifestOfType,
  isAttestation,
  isIndexType,
  isNonDistributable,
  isStoreError,
  type ManifestContent,
  parseContentLocation,
  parseManifest,
  parsePlatform,
  platformOfImage,
  portableEntry,
  type StoreReader,
  samePlatform,
  verificationFailure,
} from '@polyarch/oci'
import type { ChildSource, PlannedChild } from './plan.ts'

/** One platform's image, read and checked. */
export interface Child {
  readonly platform: string
  /** Its entry in the index: with what a nested index or the record says of it, and its platform. */
  readonly descriptor: Descriptor
  readonly attestations: readonly Descriptor[]
  /** Where it is; the first repository, unless it was built elsewhere. */
  readonly source: StoreReader
  readonly prebuilt: boolean
  /** The layers as they are stored, in bytes. */
  readonly layersSize: number
  /** Its manifest and those of its attestations, as they were read. */
  readonly manifests: readonly ManifestContent[]
}

export interface ChildOptions {
  /** The store that the records name. */
  readonly repository: StoreReader
  /** Opens the store of an image that was built elsewhere. */
  readonly open: (reference: string) => StoreReader
  readonly attestations: 'keep' | 'drop'
}

/** What is said to be the image: still an index where a builder nests image and attestations. */
interface StatedImage {
  readonly store: StoreReader
  readonly stated: Descriptor
  readonly attestations: readonly Descriptor[]
}

const locate = async (source: ChildSource, options: ChildOptions): Promise<StatedImage> => {
  if ('prebuilt' in source) {
    const { digest } = parseContentLocation(source.prebuilt)
    const store = options.open(source.prebuilt)
    return { store, stated: await store.resolveManifest(digest!), attestations: [] }
  }
  const { mediaType, digest, size, entry, attestations } = source.record
  return {
    store: options.repository,
    stated: { mediaType, digest, size, ...entry } as Descriptor,
    attestations: attestations as unknown as readonly Descriptor[],
  }
}

/** The one image of the platform in an index, with the attestations to it. */
const selectFromIndex = async ({ store, stated }: StatedImage, platform: string): Promise<StatedImage> => {
  const flat = await flattenManifest(store, stated)
  const wanted = parsePlatform(platform)
  const fitting = flat.images.filter((image) => image.platform !== undefined && samePlatform(image.platform, wanted))
  const candidates = fitting.length > 0 || flat.images.length > 1 ? fitting : flat.images
  const [image, ...others] = candidates
  if (image === undefined || others.length > 0)
    throw verificationFailure(
      `${store.location}@${stated.digest} is an index with ${candidates.length} images for ${platform}: expected one`,
    )
  return {
    store,
    stated: image,
    attestations: flat.attestations.filter((entry) => entry.annotations?.[attestedDigestAnnotation] === image.digest),
  }
}

/**
 * The entry of an attestation as the index gets it. What a record says of it came from outside: nothing of that goes
 * into the index but what BuildKit writes there.
 */
const attestationEntry = (store: StoreReader, image: Descriptor, stated: Descriptor): Descriptor => {
  const { digest, artifactType = '', annotations } = stated
  const texts: readonly unknown[] = [artifactType, ...Object.values(annotations ?? {})]
  const isText = texts.every((value) => typeof value === 'string')
  if (!isText || !isAttestation(stated) || annotations?.[attestedDigestAnnotation] !== image.digest)
    throw verificationFailure(`${store.location}@${digest} is no attestation to ${image.digest}`)
  return { ...portableEntry(stated), platform: { os: 'unknown', architecture: 'unknown' } }
}

const readAttestations = async (
  store: StoreReader,
  image: Descriptor,
  stated: readonly Descriptor[],
): Promise<ManifestContent[]> => {
  const entries = stated.map((entry) => attestationEntry(store, image, entry))
  return await Promise.all(entries.map((entry) => getManifestOfType(store, entry)))
}

const readImage = async (planned: PlannedChild, located: StatedImage, options: ChildOptions): Promise<Child> => {
  const image = isIndexType(located.stated.mediaType) ? await selectFromIndex(located, planned.platform) : located
  const { store, stated } = image
  const { source } = planned
  // Its record names the config: no round trip for finding out from the manifest.
  const config = 'record' in source && stated === located.stated ? source.record.configDigest : undefined
  const bytes = config === undefined ? undefined : getConfigBytes(store, config as Digest)
  // That the manifest is missing, or names another config, says more than that this one cannot be read.
  bytes?.catch(() => undefined)
  const [content, attestations] = await Promise.all([
    getManifestOfType(store, stated),
    options.attestations === 'keep' ? readAttestations(store, stated, image.attestations) : [],
  ])
  const manifest = parseManifest(content.bytes)
  if (config !== undefined && config !== manifest.config.digest)
    throw verificationFailure(
      `${store.location}@${stated.digest} has the config ${manifest.config.digest}: its record says ${config}`,
    )
  const platform = platformOfImage(store, stated, await getImageConfig(store, manifest.config, await bytes))
  if (!samePlatform(platform, parsePlatform(planned.platform)))
    throw verificationFailure(
      `${store.location}@${stated.digest} is for ${formatPlatform(platform)}, not for ${planned.platform}`,
    )
  return {
    platform: planned.platform,
    descriptor: { ...portableEntry(stated), platform },
    attestations: attestations.map(({ descriptor }) => descriptor),
    manifests: [content, ...attestations],
    source: store,
    prebuilt: 'prebuilt' in source,
    layersSize: manifest.layers
      .filter((layer) => !isNonDistributable(layer.mediaType))
      .reduce((sum, layer) => sum + layer.size, 0),
  }
}

const readChild = async (planned: PlannedChild, options: ChildOptions): Promise<Child> => {
  try {
    return await readImage(planned, await locate(planned.source, options), options)
  } catch (error) {
    // The record says that it was pushed: a registry that does not have it any more has collected it.
    if (isStoreError(error, 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN', 'BLOB_UNKNOWN'))
      throw verificationFailure(`the image is not there (any more): ${error.message}`, { cause: error })
    throw error
  }
}

/** The problems of platforms that are the same image. */
const findRepeated = (children: readonly Child[]): string[] => {
  const platforms = new Map<string, string>()
  return children.flatMap(({ platform, descriptor: { digest } }) => {
    const earlier = platforms.get(digest)
    if (earlier !== undefined) return [`${earlier} and ${platform} are the same image ${digest}`]
    platforms.set(digest, platform)
    return []
  })
}

/** Images that are read at once: the registry client bounds the requests, this the manifests in memory. */
const parallelImages = 128

/**
 * Reads all children in parallel and gives them in the order planned.
 * @throws {Failure} verification, with every child's problem; whatever else a store throws comes first.
 */
export const readChildren = async (planned: readonly PlannedChild[], options: ChildOptions): Promise<Child[]> => {
  const read = new Map<PlannedChild, Child>()
  const refusals = new Map<PlannedChild, Failure>()
  await forEachParallel(planned, parallelImages, async (child) => {
    try {
      read.set(child, await readChild(child, options))
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== 'verification') throw error
      refusals.set(child, error)
    }
  })
  const children = planned.flatMap((child) => read.get(child) ?? [])
  const refused = planned.flatMap((child) => {
    const refusal = refusals.get(child)
    return refusal === undefined ? [] : [`${child.platform}: ${refusal.message}`]
  })
  const problems = [...refused, ...findRepeated(children)]
  if (problems.length > 0) throw verificationFailure(problems.join('; '))
  return children
}
