// The images that are pushed and merged: OCI layouts of as many layers, platforms and bytes as a row asks for.
import { createCipheriv, createHash, type Hash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { buildIndex, type Descriptor, type Digest, digestOf, hexOf, mediaTypes, parsePlatform } from '@polyarch/oci'
import { pack } from 'tar-stream'

export const megabyte = 1_000_000

const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip'

export interface ImageShape {
  readonly layers: number
  readonly layerBytes: number
}

interface Layer {
  readonly descriptor: Descriptor
  readonly diffId: Digest
}

/** An image in a layout directory. */
export interface WrittenImage {
  readonly layout: string
  readonly platform: string
  readonly manifest: Descriptor
  readonly config: Descriptor
  readonly layers: readonly Layer[]
}

const blobPath = (layout: string, digest: Digest): string => join(layout, 'blobs', 'sha256', hexOf(digest))

const writeBlob = async (layout: string, mediaType: string, bytes: Uint8Array): Promise<Descriptor> => {
  const digest = digestOf(bytes)
  await writeFile(blobPath(layout, digest), bytes)
  return { mediaType, digest, size: bytes.length }
}

const writeJson = (layout: string, mediaType: string, value: unknown): Promise<Descriptor> =>
  writeBlob(layout, mediaType, Buffer.from(JSON.stringify(value)))

/** Bytes that do not compress, the same for the same seed, faster than a disk. */
function* noise(seed: string, bytes: number): Generator<Buffer> {
  const cipher = createCipheriv('aes-128-ctr', createHash('md5').update(seed).digest(), Buffer.alloc(16))
  const zeros = Buffer.alloc(1024 * 1024)
  for (let left = bytes; left > 0; left -= zeros.length) yield cipher.update(zeros.subarray(0, left))
}

const measured = (hash: Hash, onBytes: (bytes: number) => void = () => {}): Transform =>
  new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk)
      onBytes(chunk.length)
      done(null, chunk)
    },
  })

/** A layer with one file of noise; gzip stores it, so that it has the bytes that were asked for. */
const writeLayer = async (layout: string, seed: string, bytes: number): Promise<Layer> => {
  const archive = pack()
  const [plain, packed] = [createHash('sha256'), createHash('sha256')]
  let size = 0
  const draft = join(layout, 'blobs', 'layer')
  const written = pipeline(
    archive,
    measured(plain),
    createGzip({ level: 0 }),
    measured(packed, (count) => {
      size += count
    }),
    createWriteStream(draft),
  )
  const file = archive.entry({ name: `${seed.replaceAll('/', '-')}.bin`, size: bytes, mtime: new Date(0) })
  await Promise.all([pipeline(noise(seed, bytes), file).then(() => archive.finalize()), written])
  const digest: Digest = `sha256:${packed.digest('hex')}`
  await rename(draft, blobPath(layout, digest))
  return { descriptor: { mediaType: layerType, digest, size }, diffId: `sha256:${plain.digest('hex')}` }
}

const writeManifest = async (layout: string, platform: string, layers: readonly Layer[], label: string) => {
  const config = await writeJson(layout, mediaTypes.ociConfig, {
    ...parsePlatform(platform),
    config: { Labels: { change: label } },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map((_, index) => ({ created_by: `layer ${index}` })),
  })
  const manifest = await writeJson(layout, mediaTypes.ociManifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config,
    layers: layers.map(({ descriptor }) => descriptor),
  })
  return { config, manifest }
}

const startLayout = async (layout: string): Promise<void> => {
  await mkdir(join(layout, 'blobs', 'sha256'), { recursive: true })
  await writeFile(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
}

/** The tag of what a layout holds. */
export const layoutTag = 'bench'

const tagManifest = (layout: string, manifest: Descriptor): Promise<void> =>
  writeFile(
    join(layout, 'index.json'),
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [{ ...manifest, annotations: { 'org.opencontainers.image.ref.name': layoutTag } }],
    }),
  )

/** Writes a layout with one image for linux/amd64. */
export const writeImage = async (layout: string, shape: ImageShape): Promise<WrittenImage> => {
  const platform = 'linux/amd64'
  await startLayout(layout)
  const layers: Layer[] = []
  for (let index = 0; index < shape.layers; index += 1)
    layers.push(await writeLayer(layout, `layer/${index}`, shape.layerBytes))
  const { config, manifest } = await writeManifest(layout, platform, layers, 'none')
  await tagManifest(layout, manifest)
  return { layout, platform, manifest, config, layers }
}

/** The image again in a layout of its own, with another config and the same layers. */
export const changeConfig = async (image: WrittenImage, layout: string): Promise<WrittenImage> => {
  await cp(image.layout, layout, { recursive: true })
  for (const { digest } of [image.manifest, image.config]) await rm(blobPath(layout, digest))
  const changed = await writeManifest(layout, image.platform, image.layers, 'config')
  await tagManifest(layout, changed.manifest)
  return { ...image, ...changed, layout }
}

/** One platform's image to be merged, and the attestation manifest that belongs to it. */
export interface Leg {
  readonly platform: string
  readonly manifest: Descriptor
  readonly config: Descriptor
  readonly attestation: Descriptor | undefined
}

/** What has to be in a repository before a merge: a layout with all legs under one index. */
export interface WrittenLegs {
  readonly layout: string
  readonly legs: readonly Leg[]
}

/** The manifest in which BuildKit keeps what it attests about an image. */
const writeAttestation = async (layout: string, image: Descriptor): Promise<Descriptor> => {
  const statement = await writeJson(layout, 'application/vnd.in-toto+json', { subject: image.digest })
  const config = await writeJson(layout, mediaTypes.ociConfig, {
    architecture: 'unknown',
    os: 'unknown',
    rootfs: { type: 'layers', diff_ids: [statement.digest] },
  })
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [statement] }
  return {
    ...(await writeJson(layout, mediaTypes.ociManifest, manifest)),
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': image.digest,
    },
  }
}

/** Writes a layout with an image of one small layer for each platform. */
export const writeLegs = async (
  layout: string,
  platforms: readonly string[],
  options: { readonly attested: boolean },
): Promise<WrittenLegs> => {
  await startLayout(layout)
  const legs: Leg[] = []
  for (const platform of platforms) {
    const layer = await writeLayer(layout, `platform/${platform}`, 0.05 * megabyte)
    const { config, manifest } = await writeManifest(layout, platform, [layer], 'none')
    const attestation = options.attested ? await writeAttestation(layout, manifest) : undefined
    legs.push({ platform, manifest, config, attestation })
  }
  // With an annotation no merge writes the same index: it would be there before it is merged.
  const index = buildIndex(
    legs.flatMap(({ manifest, attestation }) => (attestation ? [manifest, attestation] : [manifest])),
    { mediaType: mediaTypes.ociIndex, annotations: { purpose: 'bench' } },
  )
  await tagManifest(layout, await writeBlob(layout, mediaTypes.ociIndex, index.bytes))
  return { layout, legs }
}
