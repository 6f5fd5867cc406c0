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
import { nameLayers } from './created-by.ts'
import { createDirectoryTree, type DirectoryTree } from './directory-tree.ts'
import { extensionHistory, type HistoryEntry, mergeConfig, normaliseHistory } from './extended-config.ts'
import type { ExtensionDockerfile } from './generated.ts'
import { type EngineTraces, keepEntries } from './layer-entries.ts'
import { listEntries, type PlacedEntry, pickEntries, writeLayer } from './layer-filter.ts'
import { type ImageLayer, type LayeredImage, layerTypeOf } from './layered-image.ts'
import { missingVolumes, nameVolumes, packDirectories } from './volume-layer.ts'

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
  tree: DirectoryTree,
  applying: Applying,
): Promise<NewLayer | undefined> => {
  const { entries, diffId } = await listEntries(store, layer)
  const keep = keepEntries(entries, tree, applying.traces)
  const kept = entries.filter((_, position) => keep[position])
  for (const entry of kept) tree.add(entry)
  if (kept.length === 0) return undefined
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
  const createdBy = normaliseHistory(config)
    .slice(count)
    .map((entry) => entry.created_by ?? '')
  const instructions = parseDockerfile(text).stages[0]?.instructions ?? []
  const names = nameLayers(instructions, createdBy)
  const layers: NewLayer[] = []
  const history: HistoryEntry[] = []
  for (const [position, layer] of manifest.layers.slice(count).entries()) {
    const taken = await takeLayer(store, layer, { ...image, layers: [...image.layers, ...layers] }, tree, applying)
    if (taken === undefined) continue
    layers.push(taken)
    history.push(extensionHistory(names[position] ?? '', extension))
  }
  const volumes = missingVolumes(image.config, config, tree)
  if (volumes.length > 0) {
    const sofar = { ...image, layers: [...image.layers, ...layers] }
    layers.push(await keepLayer(() => packDirectories(volumes), sofar, applying))
    history.push(extensionHistory(nameVolumes(instructions), extension))
    for (const path of volumes) tree.add({ path, type: 'directory', mode: 0o755, uid: 0, gid: 0 })
  }
  const diffIds = [...image.config.rootfs.diff_ids, ...layers.map(({ diffId }) => diffId)]
  const taken: LayeredImage = {
    base: image.base,
    config: mergeConfig(image.config, config, diffIds, [...normaliseHistory(image.config), ...history]),
    layers: [...image.layers, ...layers.map(({ descriptor, store: from }) => ({ descriptor, store: from }))],
  }
  return { image: taken, tree }
}
