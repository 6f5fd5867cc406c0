// Reads what stands behind a descriptor: the images and attestations of nested indexes, the config of an image.
import { getManifestExactly } from './copy.ts'
import type { Digest } from './digest.ts'
import { verificationFailure } from './failure.ts'
import type { ManifestContent } from './image-index.ts'
import {
  type Descriptor,
  deepestIndex,
  type ImageConfig,
  isAttestation,
  manifestSizeLimit,
  mostManifests,
  parseImageConfig,
  parseIndex,
  platformOf,
} from './manifest.ts'
import { isImageManifestType, isIndexType } from './media-types.ts'
import { completePlatform, formatPlatform, type Platform } from './platform.ts'
import { StoreError, type StoreReader } from './store.ts'

/** What an index holds once the indexes inside it are taken apart; descriptors as the innermost index has them. */
export interface FlatManifest {
  readonly images: readonly Descriptor[]
  /** BuildKit's attestation manifests (provenance, SBOM). */
  readonly attestations: readonly Descriptor[]
}

/**
 * The images and attestations behind a descriptor: itself, or what its index and the indexes in that name, each once
 * (an image once for each platform that it is listed for).
 * @throws {Failure} verification, where an index is malformed, nests too deep or names what is no manifest.
 */
export const flattenManifest = async (store: StoreReader, descriptor: Descriptor): Promise<FlatManifest> => {
  const images = new Map<string, Descriptor>()
  const attestations = new Map<string, Descriptor>()
  const indexes = new Set<string>()
  const refuse = (entry: Descriptor, why: string) => verificationFailure(`${store.location}@${entry.digest} ${why}`)
  const visit = async (entry: Descriptor, depth: number): Promise<void> => {
    if (images.size + attestations.size + indexes.size >= mostManifests)
      throw refuse(entry, `is one of more than ${mostManifests}`)
    if (isIndexType(entry.mediaType)) {
      if (depth >= deepestIndex) throw refuse(entry, `is an index inside ${deepestIndex} others`)
      if (indexes.has(entry.digest)) return
      indexes.add(entry.digest)
      const { manifests } = parseIndex((await getManifestExactly(store, entry)).bytes)
      for (const child of manifests) await visit(child, depth + 1)
    } else if (!isImageManifestType(entry.mediaType)) throw refuse(entry, `is ${entry.mediaType}, which is no manifest`)
    else if (isAttestation(entry)) attestations.set(entry.digest, entry)
    else images.set(`${entry.digest} ${entry.platform ? formatPlatform(entry.platform) : ''}`, entry)
  }
  await visit(descriptor, 0)
  return { images: [...images.values()], attestations: [...attestations.values()] }
}

/** The bytes of an image's config: they can be asked for before its manifest is there, which says how many there are. */
export const getConfigBytes = async (store: StoreReader, config: Digest): Promise<Uint8Array> =>
  await store.getSmallBlob(config, manifestSizeLimit)

/**
 * The config that an image manifest names; `bytes`, where they were asked for already.
 * @throws {StoreError} BLOB_UNKNOWN, DIGEST_INVALID or SIZE_INVALID; {Failure} verification, when it is no image's config.
 */
export const getImageConfig = async (
  store: StoreReader,
  { digest, size }: Descriptor,
  bytes?: Uint8Array,
): Promise<ImageConfig> => {
  const content = bytes ?? (await getConfigBytes(store, digest))
  if (content.length !== size)
    throw new StoreError(
      'SIZE_INVALID',
      `${store.location}@${digest} has ${content.length} bytes: its descriptor says ${size}`,
    )
  try {
    return parseImageConfig(content)
  } catch (cause) {
    throw verificationFailure(`${store.location}@${digest}: ${(cause as Error).message}`, { cause })
  }
}

/** How an entry is written that is for no platform: BuildKit's attestations, and what imitates them. */
const isUnknown = ({ os, architecture }: Platform): boolean => os === 'unknown' || architecture === 'unknown'

/**
 * The platform of an image: what its config states, completed by its entry in an index where the config is silent, as
 * containerd believes the entry.
 * @throws {Failure} verification, where entry and config are for different platforms.
 */
export const platformOfImage = (
  { location }: Pick<StoreReader, 'location'>,
  entry: Descriptor,
  config: ImageConfig,
): Platform => {
  const [stated, listed] = [platformOf(config), entry.platform]
  if (listed === undefined || isUnknown(listed)) return stated
  const platform = completePlatform(config, listed)
  if (platform !== undefined) return platform
  throw verificationFailure(
    `${location}@${entry.digest} is for ${formatPlatform(stated)} by its config, for ${formatPlatform(listed)} by its entry in an index`,
  )
}

/**
 * The manifest that the descriptor names, of the media type that it says too.
 * @throws {Failure} verification, when size, digest or media type differ.
 */
export const getManifestOfType = async (store: StoreReader, descriptor: Descriptor): Promise<ManifestContent> => {
  const content = await getManifestExactly(store, descriptor)
  if (content.descriptor.mediaType === descriptor.mediaType) return content
  throw verificationFailure(
    `${store.location}@${descriptor.digest} is ${content.descriptor.mediaType}: its descriptor says ${descriptor.mediaType}`,
  )
}
