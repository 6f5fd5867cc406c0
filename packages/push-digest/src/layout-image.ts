// The one image of a layout with its attestations, held against what was asked for before anything is sent.
import { join } from 'node:path'
import { layoutRoots } from '@polyarch/layout'
import {
  algorithmOf,
  attestedDigestAnnotation,
  blobsOf,
  type Descriptor,
  type Digest,
  flattenManifest,
  forEachParallel,
  formatPlatform,
  getImageConfig,
  getManifestOfType,
  hexOf,
  isStoreError,
  type Manifest,
  type ManifestContent,
  type Platform,
  parseManifest,
  platformOf,
  type StoreReader,
  samePlatform,
  verificationFailure,
} from '@polyarch/oci'

/** An image of a layout that may be pushed: every file of it is there and has the right size. */
export interface LayoutImage {
  readonly descriptor: Descriptor
  readonly manifest: Manifest
  /** The image first, then its attestations. */
  readonly manifests: readonly Descriptor[]
  readonly attestations: readonly Descriptor[]
  /** The bytes of config, layers and attestations, each blob once. */
  readonly size: number
}

/** File look-ups at once. */
const parallelFiles = 32

const fileOf = (directory: string, digest: Digest): string =>
  join(directory, 'blobs', algorithmOf(digest), hexOf(digest))

const selectImage = async (layout: StoreReader, directory: string) => {
  const roots = await layoutRoots(directory)
  const flat = await Promise.all(roots.map((root) => flattenManifest(layout, root)))
  const images = new Map(flat.flatMap(({ images }) => images).map((image) => [image.digest, image]))
  const attestations = new Map(flat.flatMap(({ attestations }) => attestations).map((entry) => [entry.digest, entry]))
  const [image, ...others] = images.values()
  if (image === undefined) throw verificationFailure(`${directory}/index.json names no image`)
  if (others.length > 0)
    throw verificationFailure(
      `${directory} holds ${images.size} images, a leg has one: ${[...images.keys()].join(', ')}`,
    )
  const strays = [...attestations.values()].filter(
    (entry) => entry.annotations?.[attestedDigestAnnotation] !== image.digest,
  )
  if (strays.length > 0)
    throw verificationFailure(`${directory}: ${strays[0]?.digest} attests to an image that is not there`)
  return { image, attestations: [...attestations.values()] }
}

/** What an entry of the record says of a manifest: no tag names, no platform but an attestation's. */
const describeManifest = ({ mediaType, digest, size, annotations, platform }: Descriptor): Descriptor => ({
  mediaType,
  digest,
  size,
  ...(annotations === undefined ? {} : { annotations }),
  ...(platform === undefined ? {} : { platform }),
})

const checkFiles = async (
  layout: StoreReader,
  directory: string,
  contents: readonly ManifestContent[],
): Promise<number> => {
  const blobs = new Map<Digest, readonly [blob: Descriptor, named: Digest]>()
  for (const content of contents)
    for (const blob of blobsOf(content)) blobs.set(blob.digest, [blob, content.descriptor.digest])
  let total = 0
  await forEachParallel(blobs.values(), parallelFiles, async ([blob, named]) => {
    const file = fileOf(directory, blob.digest)
    const size = await layout.resolveBlob(blob.digest)
    if (size === undefined) throw verificationFailure(`${file} is missing: manifest ${named} names it`)
    if (size !== blob.size) throw verificationFailure(`${file} has ${size} bytes: manifest ${named} says ${blob.size}`)
    total += size
  })
  return total
}

const inspect = async (layout: StoreReader, directory: string, expected: Platform): Promise<LayoutImage> => {
  const { image, attestations } = await selectImage(layout, directory)
  const { mediaType, digest, size } = image
  const contents = await Promise.all([image, ...attestations].map((entry) => getManifestOfType(layout, entry)))
  const manifest = parseManifest(contents[0]!.bytes)
  const blobSize = await checkFiles(layout, directory, contents)
  const platform = platformOf(await getImageConfig(layout, manifest.config))
  if (!samePlatform(platform, expected))
    throw verificationFailure(
      `${directory} holds an image for ${formatPlatform(platform)}, not for ${formatPlatform(expected)} as asked for`,
    )
  const described = attestations.map(describeManifest)
  return {
    descriptor: { mediaType, digest, size },
    manifest,
    manifests: [{ mediaType, digest, size }, ...described],
    attestations: described,
    size: blobSize,
  }
}

/**
 * The image of the layout, once its manifests and config are read, the sizes of its files are right and its platform
 * is the one expected. Layers are not hashed: who receives them does that.
 * @throws {Failure} verification, naming the file that is missing or wrong; input, where the directory is no layout.
 */
export const readLayoutImage = async (
  layout: StoreReader,
  directory: string,
  expected: Platform,
): Promise<LayoutImage> => {
  try {
    return await inspect(layout, directory, expected)
  } catch (error) {
    if (!isStoreError(error, 'MANIFEST_UNKNOWN', 'BLOB_UNKNOWN')) throw error
    throw verificationFailure(error.message, { cause: error })
  }
}
