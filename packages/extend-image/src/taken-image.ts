// Takes over what an engine made of one Dockerfile: the base stays as it was, and the new layers hold what the extension did.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseDockerfile } from '@polyarch/dockerfile'
import type { FinishedLayout } from '@polyarch/engine'
import { openLayout } from '@polyarch/layout'
import {
  type Descriptor,
  type Digest,
  getImageConfig,
  type ImageConfig,
  parseManifest,
  type Store,
  type StoreReader,
  verificationFailure,
} from '@polyarch/oci'
import {
  type AddedDirectory,
  correctWorkdir,
  missingVolumes,
  missingWorkdir,
  nameInstructions,
  packDirectories,
  withKnownParents,
} from './added-directories.ts'
import { nameLayers } from './created-by.ts'
import { createDirectoryTree, type DirectoryTree } from './directory-tree.ts'
import { extensionHistory, type HistoryEntry, mergeConfig, normaliseHistory } from './extended-config.ts'
import type { ExtensionDockerfile } from './generated.ts'
import { type EngineTraces, keepEntries } from './layer-entries.ts'
import { listEntries, type PlacedEntry, pickEntries, writeLayer } from './layer-filter.ts'
import { type ImageLayer, type LayeredImage, layerTypeOf } from './layered-image.ts'

/** What is known while Dockerfiles are applied one after the other. */
export interface Applying {
  readonly traces: EngineTraces
  /** Where layers that are written anew are kept. */
  readonly blobs: Store
  /** A directory for files that are gone afterwards. */
  readonly scratch: string
}

const gzipTypes = ['application/vnd.oci.image.layer.v1.tar+gzip', 'application/vnd.docker.image.rootfs.diff.tar.gzip']

/** The entries as few ranges of bytes. */
const joinRanges = (entries: readonly PlacedEntry[]): { from: number; to: number }[] => {
  const ranges: { from: number; to: number }[] = []
  for (const { from, to } of entries) {
    const last = ranges.at(-1)
    if (last?.to === from) last.to = to
    else ranges.push({ from, to })
  }
  return ranges
}

interface NewLayer extends ImageLayer {
  readonly diffId: Digest
}

/**
 * Keeps a layer that is made here. The exporter takes every layer for new whose blob is there: one that the image has
 * below must not be, by its digest, a new one too.
 */
const keepLayer = async (
  tar: () => AsyncIterable<Uint8Array>,
  image: LayeredImage,
  { blobs, scratch }: Applying,
): Promise<NewLayer> => {
  const file = join(scratch, 'layer')
  const usual = await writeLayer(tar(), file)
  const written = hasLayer(image, usual.digest) ? await writeLayer(tar(), file, 1) : usual
  const descriptor: Descriptor = { mediaType: layerTypeOf(image.base), digest: written.digest, size: written.size }
  await blobs.pushBlob(descriptor, written.content)
  await rm(file)
  return { descriptor, store: blobs, diffId: written.diffId }
}

const hasLayer = ({ layers }: LayeredImage, digest: Digest): boolean =>
  layers.some(({ descriptor }) => descriptor.digest === digest)

/** What of the layer is the extension's, as a layer; undefined where that is nothing. */
const takeLayer = async (
  store: StoreReader,
  layer: Descriptor,
  image: LayeredImage,
  isWorkdir: boolean,
  tree: DirectoryTree,
  applying: Applying,
): Promise<NewLayer | undefined> => {
  const { entries, diffId } = await listEntries(store, layer)
  const keep = keepEntries(entries, tree, applying.traces)
  const kept = entries.filter((_, position) => keep[position])
  const corrected = isWorkdir ? correctWorkdir(kept, tree) : undefined
  for (const entry of corrected?.map((directory) => ({ ...directory, type: 'directory' })) ?? kept) tree.add(entry)
  if (kept.length === 0) return undefined
  if (corrected !== undefined) return await keepLayer(() => packDirectories(corrected), image, applying)
  const { digest, size } = layer
  if (kept.length === entries.length && gzipTypes.includes(layer.mediaType) && !hasLayer(image, digest))
    return { descriptor: { mediaType: layerTypeOf(image.base), digest, size }, store, diffId }
  return await keepLayer(() => pickEntries(store, layer, joinRanges(kept)), image, applying)
}

const checkBase = (image: LayeredImage, built: ImageConfig): void => {
  const [below, above] = [image.config.rootfs.diff_ids, built.rootfs.diff_ids]
  const changed = below.findIndex((diffId, position) => diffId !== above[position])
  if (changed !== -1)
    throw verificationFailure(
      `the engine changed layer ${changed} of the image that it was to extend: ${below[changed]} became ${above[changed] ?? 'nothing'}`,
    )
}

const readTree = async (store: StoreReader, layers: readonly Descriptor[]): Promise<DirectoryTree> => {
  const tree = createDirectoryTree()
  for (const layer of layers) for (const entry of (await listEntries(store, layer)).entries) tree.add(entry)
  return tree
}

/** An image with its directories, which the next Dockerfile's layers are held against. */
export interface TakenImage {
  readonly image: LayeredImage
  readonly tree: DirectoryTree
}

/** The image with a layer of these directories on top, where there are any. */
const addDirectories = async (
  image: LayeredImage,
  directories: readonly AddedDirectory[],
  createdBy: string,
  extension: string,
  tree: DirectoryTree,
  applying: Applying,
): Promise<LayeredImage> => {
  if (directories.length === 0) return image
  const all = withKnownParents(directories, tree)
  const { diffId, ...layer } = await keepLayer(() => packDirectories(all), image, applying)
  for (const directory of directories) tree.add({ ...directory, type: 'directory' })
  const { config } = image
  const history = [...normaliseHistory(config), extensionHistory(createdBy, extension)]
  const rootfs = { ...config.rootfs, diff_ids: [...config.rootfs.diff_ids, diffId] }
  return { ...image, config: { ...config, rootfs, history }, layers: [...image.layers, layer] }
}

/** The image with the directory of the WORKDIR that the Dockerfile's text ends with, for an engine that makes none. */
export const addWorkdir = async (
  { image, tree }: TakenImage,
  { text, extension }: ExtensionDockerfile,
  applying: Applying,
): Promise<TakenImage> => {
  const last = parseDockerfile(text).stages[0]?.instructions.slice(-1) ?? []
  const directories = missingWorkdir(image.config, tree)
  const createdBy = nameInstructions(last, 'WORKDIR')
  return { image: await addDirectories(image, directories, createdBy, extension, tree, applying), tree }
}

/**
 * The image with what the engine added to it, `built` being the engine's layout of the whole and `known` the directories
 * of the image, where they were read before.
 * @throws {Failure} verification, where the engine did not only add to the image.
 */
export const takeOver = async (
  image: LayeredImage,
  known: DirectoryTree | undefined,
  built: FinishedLayout,
  { text, extension }: ExtensionDockerfile,
  applying: Applying,
): Promise<TakenImage> => {
  const store = openLayout(built.directory)
  const manifest = parseManifest((await store.getManifest(built.manifest.digest)).bytes)
  const config = await getImageConfig(store, manifest.config)
  checkBase(image, config)
  const count = image.layers.length
  const tree = known ?? (await readTree(store, manifest.layers.slice(0, count)))
  const written = normaliseHistory(config)
    .slice(count)
    .map((entry) => entry.created_by ?? '')
  const instructions = parseDockerfile(text).stages[0]?.instructions ?? []
  const names = nameLayers(instructions, written)
  const layers: NewLayer[] = []
  const history: HistoryEntry[] = []
  for (const [position, layer] of manifest.layers.slice(count).entries()) {
    const name = names[position] ?? ''
    const sofar = { ...image, layers: [...image.layers, ...layers] }
    const taken = await takeLayer(store, layer, sofar, name.startsWith('WORKDIR '), tree, applying)
    if (taken === undefined) continue
    layers.push(taken)
    history.push(extensionHistory(name, extension))
  }
  const diffIds = [...image.config.rootfs.diff_ids, ...layers.map(({ diffId }) => diffId)]
  const taken: LayeredImage = {
    base: image.base,
    config: mergeConfig(image.config, config, diffIds, [...normaliseHistory(image.config), ...history]),
    layers: [...image.layers, ...layers.map(({ descriptor, store: from }) => ({ descriptor, store: from }))],
  }
  const volumes = missingVolumes(image.config, config, tree)
  const createdBy = nameInstructions(instructions, 'VOLUME')
  return { image: await addDirectories(taken, volumes, createdBy, extension, tree, applying), tree }
}
