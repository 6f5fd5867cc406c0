// The one image of a layout with its attestations, held against what was asked for before anything is sent.
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
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
  platformOfImage,
  portableEntry,
  type StoreReader,
  samePlatform,
  verificationFailure,
} from '@polyarch/oci'

/** An image of a layout that may be pushed: every file of it is there and has the right size. */
export interface LayoutImage {
  /** With what its entry says of it: annotations, artifactType, and the platform where the config says less of it. */
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

/** BuildKit writes when it exported into index.json: with that, the same image would get another index each time. */
const exportTimeAnnotation = 'org.opencontainers.image.created'

const withoutExportTime = (root: Descriptor): Descriptor => {
  const annotations = Object.entries(root.annotations ?? {}).filter(([key]) => key !== exportTimeAnnotation)
  return { ...root, annotations: Object.fromEntries(annotations) }
}

const selectImage = async (layout: StoreReader, directory: string, expected: Platform) => {
  const roots = (await layoutRoots(directory)).map(withoutExportTime)
  const flat = await Promise.all(roots.map((root) => flattenManifest(layout, root)))
  const images = Map.groupBy(
    flat.flatMap(({ images }) => images),
    ({ digest }) => digest,
  )
  const attestations = new Map(flat.flatMap(({ attestations }) => attestations).map((entry) => [entry.digest, entry]))
  const [entries, ...others] = images.values()
  // One image may be listed for several platforms, as one for arm/v6 that serves arm/v7 too.
  const image = entries?.find(({ platform }) => platform && samePlatform(platform, expected)) ?? entries?.[0]
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

/** What the record says of an attestation: its platform is that of none. */
const describeAttestation = (entry: Descriptor): Descriptor => ({
  ...portableEntry(entry),
  ...(entry.platform === undefined ? {} : { platform: entry.platform }),
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
  const { image, attestations } = await selectImage(layout, directory, expected)
  const { mediaType, digest, size } = image
  const contents = await Promise.all([image, ...attestations].map((entry) => getManifestOfType(layout, entry)))
  const manifest = parseManifest(contents[0]!.bytes)
  const blobSize = await checkFiles(layout, directory, contents)
  const config = await getImageConfig(layout, manifest.config)
  const platform = platformOfImage(layout, image, config)
  if (!samePlatform(platform, expected))
    throw verificationFailure(
      `${directory} holds an image for ${formatPlatform(platform)}, not for ${formatPlatform(expected)} as asked for`,
    )
  const described = attestations.map(describeAttestation)
  return {
    descriptor: { ...portableEntry(image), ...(isDeepStrictEqual(platform, platformOf(config)) ? {} : { platform }) },
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
