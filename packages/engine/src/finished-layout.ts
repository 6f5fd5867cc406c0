// What an engine left behind, checked before anything trusts it, and made the same for every engine.
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { layoutRoots, openLayout, verifyLayout } from '@polyarch/layout'
import {
  algorithmOf,
  attestedDigestAnnotation,
  buildIndex,
  type Descriptor,
  type Digest,
  digestOf,
  flattenManifest,
  formatPlatform,
  getImageConfig,
  hexOf,
  type ImageConfig,
  isIndexType,
  isNonDistributable,
  type Manifest,
  type Platform,
  parseManifest,
  platformOf,
  type StoreReader,
  samePlatform,
  verificationFailure,
} from '@polyarch/oci'
import { createBinaryCensus } from './binary-census.ts'
import type { BuildInputs } from './build-inputs.ts'
import { elfHeaderBytes } from './elf.ts'
import { readHead, readLayer } from './layer.ts'
import { toOciManifest } from './oci-manifest.ts'

/** An image layout that holds exactly one image, whole and of the platform that was asked for. */
export interface FinishedLayout {
  readonly directory: string
  /** The image's manifest, with its platform. */
  readonly manifest: Descriptor
  /** Manifests that attest to the image (provenance, SBOM). */
  readonly attestations: readonly Descriptor[]
  readonly platform: Platform
  readonly configDigest: Digest
  /** The size of all layers as they are stored, in bytes. */
  readonly layersSize: number
  /** How many binaries the image has, by architecture. */
  readonly binaries: Readonly<Record<string, number>>
}

/** Operating systems whose binaries are ELF files. */
const elfSystems = ['linux', 'freebsd', 'netbsd', 'openbsd']

const defaultPath = 'usr/local/sbin:usr/local/bin:usr/sbin:usr/bin:sbin:bin'

/** The files that a container of the image starts, as paths without leading `/`: candidates where PATH decides. */
export const startedFiles = (config: ImageConfig): string[] => {
  const { Entrypoint, Cmd, Env } = (config.config ?? {}) as Readonly<Record<string, unknown>>
  const words = [Entrypoint, Cmd].flatMap((list) => (Array.isArray(list) ? [list[0] as unknown] : []))
  const environment: unknown[] = Array.isArray(Env) ? Env : []
  const path = environment.find((entry): entry is string => typeof entry === 'string' && entry.startsWith('PATH='))
  const directories = (path?.slice('PATH='.length) ?? defaultPath).split(':')
  return words
    .filter((word): word is string => typeof word === 'string' && word !== '')
    .flatMap((word) =>
      word.includes('/') ? [word] : directories.map((directory) => `${directory.replace(/\/+$/, '')}/${word}`),
    )
    .map((file) => file.replace(/^\/+/, ''))
}

const checkLayers = async (
  store: StoreReader,
  manifest: Manifest,
  config: ImageConfig,
  platform: Platform,
): Promise<FinishedLayout['binaries']> => {
  const { diff_ids: diffIds } = config.rootfs
  if (manifest.layers.length !== diffIds.length)
    throw verificationFailure(
      `${store.location}: the manifest has ${manifest.layers.length} layers, its config ${diffIds.length}`,
    )
  const census = createBinaryCensus(platform)
  for (const [position, layer] of manifest.layers.entries()) {
    if (isNonDistributable(layer.mediaType)) continue
    const name = `${store.location}@${layer.digest}`
    const diffId = await readLayer(name, store.getBlob(layer), async ({ path, type, size, content }) => {
      if (type === 'file' && size >= elfHeaderBytes) census.add(path, await readHead(content, elfHeaderBytes))
    })
    if (diffId !== diffIds[position])
      throw verificationFailure(`${name} unpacks to ${diffId}: the config says ${diffIds[position]}`)
  }
  const contradiction = elfSystems.includes(platform.os) ? census.contradiction(startedFiles(config)) : undefined
  if (contradiction !== undefined)
    throw verificationFailure(
      `the image says ${formatPlatform(platform)}, but ${contradiction}; is a base image or a copied binary for another platform?`,
    )
  return census.counts()
}

interface Found {
  readonly image: Descriptor
  readonly attestations: readonly Descriptor[]
  /** Indexes that only held these together. */
  readonly indexes: readonly Descriptor[]
}

/** The one image of the layout with what attests to it (BuildKit puts both into an index of their own). */
const requireOneImage = async (directory: string, store: StoreReader): Promise<Found> => {
  const roots = await layoutRoots(directory)
  const flat = await Promise.all(roots.map((root) => flattenManifest(store, root)))
  const images = flat.flatMap((entry) => entry.images)
  const attestations = flat.flatMap((entry) => entry.attestations)
  const [image] = images
  if (image === undefined || images.length > 1)
    throw verificationFailure(
      `${directory}: expected one image, found ${images.length === 0 ? 'none' : images.map(({ mediaType }) => mediaType).join(', ')}`,
    )
  const stray = attestations.find((entry) => entry.annotations?.[attestedDigestAnnotation] !== image.digest)
  if (stray) throw verificationFailure(`${directory}: ${stray.digest} attests to an image that is not there`)
  for (const attestation of attestations) await verifyLayout(directory, attestation)
  return { image, attestations, indexes: roots.filter(({ mediaType }) => isIndexType(mediaType)) }
}

/** Writes the file in one move, whoever owns the one that is there. */
const replaceFile = async (file: string, bytes: Uint8Array): Promise<void> => {
  await writeFile(`${file}.new`, bytes)
  await rename(`${file}.new`, file)
}

const blobFile = (directory: string, digest: Digest): string =>
  join(directory, 'blobs', algorithmOf(digest), hexOf(digest))

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))

/** Writes the image with another manifest, and another config where there is one, in the place of what was there. */
const rewriteImage = async (
  directory: string,
  replaced: Descriptor,
  manifest: Manifest,
  config: ImageConfig | undefined,
): Promise<{ root: Descriptor; configDigest: Digest }> => {
  const write = async (value: unknown): Promise<{ digest: Digest; size: number }> => {
    const bytes = encode(value)
    const digest = digestOf(bytes)
    await replaceFile(blobFile(directory, digest), bytes)
    return { digest, size: bytes.length }
  }
  const written = config && (await write(config))
  const root = await write({ ...manifest, config: { ...manifest.config, ...written } })
  if (root.digest !== replaced.digest) await rm(blobFile(directory, replaced.digest))
  if (written && written.digest !== manifest.config.digest) await rm(blobFile(directory, manifest.config.digest))
  return { root: { mediaType: manifest.mediaType, ...root }, configDigest: written?.digest ?? manifest.config.digest }
}

/**
 * Checks the layout that an engine wrote: one image, every blob there with the digest and size that its descriptor
 * says, the platform that was asked for, and binaries that do not contradict it (see BinaryCensus). Then rewrites
 * index.json: the entry says its platform, and nothing else is in it but the image's attestations.
 * @param mediaType `oci`: an image by docker's media types gets the specification's; `auto`: it keeps what it has
 * @throws {Failure} verification, naming the file or blob that is wrong.
 */
export const finishLayout = async (
  directory: string,
  platform: Platform,
  mediaType: BuildInputs['media-type'] = 'auto',
): Promise<FinishedLayout> => {
  const store = openLayout(directory)
  const { image, attestations, indexes } = await requireOneImage(directory, store)
  let root = image
  const content = await store.getManifest(root.digest)
  if (content.bytes.length !== root.size)
    throw verificationFailure(
      `${directory}: index.json says ${root.size} bytes of ${root.digest}, found ${content.bytes.length}`,
    )
  const manifest = parseManifest(content.bytes)
  const config = await getImageConfig(store, manifest.config)
  let configDigest = manifest.config.digest
  const asked = platform.variant
  const lacksVariant = asked !== undefined && (config.variant ?? '') === ''
  const stated = lacksVariant ? { ...platformOf(config), variant: asked } : platformOf(config)
  if (!samePlatform(stated, platform))
    throw verificationFailure(
      `the image says ${formatPlatform(platformOf(config))}: ${formatPlatform(platform)} was asked for`,
    )
  const binaries = await checkLayers(store, manifest, config, platform)
  const wanted = mediaType === 'oci' ? toOciManifest(manifest) : manifest
  if (lacksVariant || wanted !== manifest) {
    if (attestations.length > 0)
      throw verificationFailure(
        `the image has to be written anew (${lacksVariant ? `it says ${formatPlatform(platformOf(config))}` : manifest.mediaType}), and what attests to it would not hold`,
      )
    const changed = lacksVariant ? { ...config, variant: asked } : manifest.layers.length === 0 ? config : undefined
    ;({ root, configDigest } = await rewriteImage(directory, root, wanted, changed))
  } else if (manifest.layers.length === 0 && attestations.length === 0) {
    // Engines write null for the lists of an image without layers, which the specification does not allow.
    ;({ root, configDigest } = await rewriteImage(directory, root, manifest, config))
  }
  const entry: Descriptor = { mediaType: wanted.mediaType, digest: root.digest, size: root.size, platform: stated }
  await replaceFile(join(directory, 'index.json'), buildIndex([entry, ...attestations]).bytes)
  for (const { digest } of indexes) await rm(blobFile(directory, digest), { force: true })
  return {
    directory,
    manifest: entry,
    attestations,
    platform: stated,
    configDigest,
    layersSize: manifest.layers.reduce((total, layer) => total + layer.size, 0),
    binaries,
  }
}
