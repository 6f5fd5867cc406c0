// The image to extend: where analyzed.toml says that it is, and what it is.
import {
  type Descriptor,
  type Digest,
  Failure,
  flattenManifest,
  formatPlatform,
  getImageConfig,
  type ImageConfig,
  isDigest,
  type Manifest,
  type Platform,
  parseFamiliarReference,
  parseManifest,
  platformOf,
  type StoreLocation,
  type StoreReader,
  samePlatform,
  verificationFailure,
} from '@polyarch/oci'
import { normaliseHistory } from './extended-config.ts'
import { lifecycleFailure } from './lifecycle-failure.ts'

/** Where an image is, by digest. */
export interface ImageLocation {
  readonly store: StoreLocation
  readonly digest: Digest
}

/** Docker Hub as go-containerregistry, and so the lifecycle, names it. */
const hubHost = 'index.docker.io'

/**
 * Where a reference of analyzed.toml leads: HOST/NAME@DIGEST, oci:DIR@DIGEST, or DIR@DIGEST with an absolute path, which is
 * how a lifecycle with `-layout` writes it.
 * @throws {Failure} with the lifecycle's words and code 102, where it names no digest.
 */
export const parseImageReference = (reference: string): ImageLocation => {
  const refuse = (why: string, cause?: unknown) =>
    lifecycleFailure('extend', `failed to get digest for reference '${reference}': ${why}`, { cause })
  const at = reference.lastIndexOf('@')
  const digest = reference.slice(at + 1)
  if (at === -1)
    throw refuse(`a digest must contain exactly one '@' separator (e.g. registry/repository@digest) saw: ${reference}`)
  if (!isDigest(digest)) throw refuse(`"${digest}" is not a digest`)
  const path = reference.slice(0, at)
  if (path.startsWith('oci:')) return { store: { kind: 'layout', directory: path.slice('oci:'.length) }, digest }
  if (path.startsWith('/')) return { store: { kind: 'layout', directory: path }, digest }
  try {
    const { host, name } = parseFamiliarReference(reference)
    return { store: { kind: 'registry', repository: { host: host === hubHost ? 'docker.io' : host, name } }, digest }
  } catch (error) {
    if (error instanceof Failure) throw refuse(error.message, error)
    throw error
  }
}

/** The image as it was found. */
export interface SourceImage {
  readonly store: StoreReader
  readonly descriptor: Descriptor
  readonly manifest: Manifest
  readonly config: ImageConfig
  readonly platform: Platform
}

const choosePlatform = async (store: StoreReader, found: Descriptor, platform: Platform): Promise<Descriptor> => {
  const { images } = await flattenManifest(store, found)
  const [image, ...others] = images.filter(
    (entry) => entry.platform !== undefined && samePlatform(entry.platform, platform),
  )
  if (images.length === 1 && images[0]) return images[0]
  if (image === undefined || others.length > 0)
    throw verificationFailure(
      `${store.location}@${found.digest} has ${image === undefined ? 'no' : 'more than one'} image for ${formatPlatform(platform)}`,
    )
  return image
}

/**
 * Reads manifest and config; of an index, those of the platform.
 * @throws {StoreError} MANIFEST_UNKNOWN or NAME_UNKNOWN when it is not there; {Failure} verification, when it is not what its
 * digest says.
 */
export const readSourceImage = async (store: StoreReader, digest: Digest, wanted: Platform): Promise<SourceImage> => {
  const image = await choosePlatform(store, await store.resolveManifest(digest), wanted)
  const { bytes, descriptor } = await store.getManifest(image.digest)
  const manifest = parseManifest(bytes)
  const config = await getImageConfig(store, manifest.config)
  if (manifest.layers.length !== config.rootfs.diff_ids.length)
    throw verificationFailure(
      `${store.location}@${descriptor.digest} has ${manifest.layers.length} layers, its config ${config.rootfs.diff_ids.length}`,
    )
  return { store, descriptor, manifest, config, platform: platformOf(config) }
}

/** Whether the history says of each layer where it came from: buildah takes no other image as a base. */
export const hasWholeHistory = (config: ImageConfig): boolean => {
  const entries = normaliseHistory(config)
  return entries.length === 0 || entries.some((entry) => Object.keys(entry).length > 0)
}
