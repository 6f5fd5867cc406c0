// The layout that the exporter reads: manifest, config and only the layers that extensions added.
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { openLayout, readLayoutIndex } from '@polyarch/layout'
import {
  buildIndex,
  type Descriptor,
  type Digest,
  digestOf,
  hexOf,
  parseImageConfig,
  parseManifest,
  verificationFailure,
} from '@polyarch/oci'
import { listEntries } from './layer-filter.ts'
import type { WrittenImage } from './layered-image.ts'
import { lifecycleFailure } from './lifecycle-failure.ts'

/** The exporter runs as the user of the image, not as the one who writes. */
const directoryMode = 0o755
const fileMode = 0o644

const makeDirectory = async (path: string): Promise<void> => {
  await mkdir(path)
  await chmod(path, directoryMode)
}

const writeBytes = async (path: string, content: Parameters<typeof writeFile>[1]): Promise<void> => {
  await writeFile(path, content)
  await chmod(path, fileMode)
}

const list = async (directory: string): Promise<string[]> => {
  try {
    return await readdir(directory)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
}

/**
 * Makes sure that the directory holds nothing but the layout of an earlier run, which the new one replaces.
 * @throws {Failure} with the exporter's words and code 1.
 */
export const checkOutputDirectory = async (directory: string): Promise<void> => {
  const present = await list(directory)
  const [only] = present
  if (only === undefined) return
  const isEarlier = present.length === 1 && (await list(join(directory, only))).includes('oci-layout')
  if (isEarlier) return
  throw lifecycleFailure(
    'failed',
    `expected directory "${directory}" to have only 1 item; found ${present.length + (present.length === 1 ? 1 : 0)}`,
  )
}

/**
 * Holds what was written against the image: the exporter leaves out, without a word, a new layer whose blob is missing,
 * and adds one of the base again whose blob is there.
 * @throws {Failure} verification, naming the file that is wrong.
 */
export const checkSparseLayout = async (directory: string, manifest: Digest, baseLayers: number): Promise<void> => {
  const refuse = (why: string) => verificationFailure(`${directory} ${why}`)
  const { manifests } = await readLayoutIndex(directory)
  if (manifests.length !== 1 || manifests[0]?.digest !== manifest) throw refuse(`does not hold ${manifest} alone`)
  const readBlob = async ({ digest, size }: Pick<Descriptor, 'digest' | 'size'>): Promise<Uint8Array> => {
    const bytes = await readFile(join(directory, 'blobs', 'sha256', hexOf(digest)))
    if (bytes.length !== size || digestOf(bytes) !== digest) throw refuse(`holds other bytes as ${digest}`)
    return bytes
  }
  const { config, layers } = parseManifest(await readBlob(manifests[0]))
  const { rootfs } = parseImageConfig(await readBlob(config))
  const added = layers.slice(baseLayers)
  const expected = new Set([manifest, config.digest, ...added.map(({ digest }) => digest)].map(hexOf))
  const found = await list(join(directory, 'blobs', 'sha256'))
  const stray = found.find((name) => !expected.has(name as ReturnType<typeof hexOf>))
  if (stray !== undefined) throw refuse(`holds a blob ${stray} that is not a new layer’s`)
  const store = openLayout(directory)
  for (const [position, layer] of added.entries()) {
    const { diffId } = await listEntries(store, layer)
    if (diffId !== rootfs.diff_ids[baseLayers + position])
      throw refuse(`holds a layer ${layer.digest} that is ${diffId}`)
  }
}

const fillLayout = async (
  directory: string,
  { manifest, config, layers, store }: WrittenImage,
  baseLayers: number,
): Promise<void> => {
  const blobs = join(directory, 'blobs', 'sha256')
  for (const path of [directory, dirname(blobs), blobs]) await makeDirectory(path)
  await writeBytes(join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  const { mediaType, digest, size } = manifest.descriptor
  await writeBytes(join(directory, 'index.json'), buildIndex([{ mediaType, digest, size }]).bytes)
  await writeBytes(join(blobs, hexOf(digest)), manifest.bytes)
  for (const blob of [config, ...layers.slice(baseLayers).map(({ descriptor }) => descriptor)])
    await writeBytes(join(blobs, hexOf(blob.digest)), store.getBlob(blob))
}

/** The layers of the base that are its top layer once more, told as the lifecycle does. */
export const describeDuplicates = (layers: readonly Descriptor[]): readonly string[] =>
  layers
    .slice(0, -1)
    .filter(({ digest }) => digest === layers.at(-1)?.digest)
    .map(({ digest }) => `Original run image has duplicated top layer with digest: ${digest}`)

/**
 * Writes the image's layout below the directory, alone in it, and gives the layout's own directory. Until it is whole it
 * lies beside the directory; what fails leaves nothing.
 * @throws {Failure} verification, where what was written is not the image.
 */
export const writeSparseLayout = async (
  directory: string,
  image: WrittenImage,
  baseLayers: number,
): Promise<string> => {
  await checkOutputDirectory(directory)
  const parent = dirname(directory)
  await mkdir(parent, { recursive: true })
  const { digest } = image.manifest.descriptor
  const partial = await mkdtemp(join(parent, `.${basename(directory)}.partial-`))
  const earlier = `${partial}-earlier`
  try {
    await chmod(partial, directoryMode)
    await fillLayout(join(partial, digest), image, baseLayers)
    await checkSparseLayout(join(partial, digest), digest, baseLayers)
    const replaces = (await stat(directory).catch(() => undefined)) !== undefined
    if (replaces) await rename(directory, earlier)
    try {
      await rename(partial, directory)
    } catch (error) {
      if (replaces) await rename(earlier, directory)
      throw error
    }
  } finally {
    await rm(partial, { recursive: true, force: true })
    await rm(earlier, { recursive: true, force: true })
  }
  return join(directory, digest)
}
