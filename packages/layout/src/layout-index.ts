// index.json and oci-layout: what is in a layout (image-spec image-layout.md).
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import {
  type Descriptor,
  type Digest,
  type Failure,
  type Index,
  inputFailure,
  isIndexType,
  isManifestType,
  manifestSizeLimit,
  mediaTypes,
  parseIndex,
  verificationFailure,
} from '@polyarch/oci'
import { withLock } from './index-lock.ts'
import { attempt, type LayoutFile, readFile, replaceFile } from './layout-files.ts'
import { readManifest, unlessDamaged } from './manifests.ts'

const layoutVersion = '1.0.0'

const markerFile = (directory: string): LayoutFile => ({ directory, folders: [], name: 'oci-layout' })
const indexFile = (directory: string): LayoutFile => ({ directory, folders: [], name: 'index.json' })
const lockFile = (directory: string): LayoutFile => ({ directory, folders: [], name: 'index.json.lock' })

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`)

/** Whether the directory says that it is an image layout, of the version that is known here. */
const readMarker = async (directory: string): Promise<boolean> => {
  const path = join(directory, 'oci-layout')
  const bytes = await readFile(markerFile(directory), 4096)
  if (bytes === undefined) return false
  let version: unknown
  try {
    const marker: unknown = JSON.parse(new TextDecoder().decode(bytes))
    version = (marker as { imageLayoutVersion?: unknown } | null)?.imageLayoutVersion
  } catch (cause) {
    throw inputFailure(`${path} is not JSON: expected {"imageLayoutVersion":"${layoutVersion}"}`, { cause })
  }
  if (version === layoutVersion) return true
  throw inputFailure(`${path}: imageLayoutVersion ${JSON.stringify(version)} is not known: expected "${layoutVersion}"`)
}

const readEntries = async (directory: string): Promise<Index | undefined> => {
  const bytes = await readFile(indexFile(directory), manifestSizeLimit)
  if (bytes === undefined) return undefined
  try {
    return parseIndex(bytes)
  } catch (cause) {
    throw verificationFailure(`${join(directory, 'index.json')}: ${(cause as Error).message}`, { cause })
  }
}

/**
 * The layout's index.json; undefined where the directory is no layout yet.
 * @throws {Failure} verification, where it is malformed or missing; input, where the layout's version is not known.
 */
export const findLayoutIndex = async (directory: string): Promise<Index | undefined> => {
  if (!(await readMarker(directory))) return undefined
  const index = await readEntries(directory)
  if (index === undefined) throw verificationFailure(`${join(directory, 'index.json')} is missing`)
  return index
}

/**
 * The index.json of an image layout that must be there.
 * @throws {Failure} input, naming the directory, where it is no layout; verification, where index.json is malformed.
 */
export const readLayoutIndex = async (directory: string): Promise<Index> => {
  const index = await findLayoutIndex(directory)
  if (index !== undefined) return index
  throw inputFailure(`${directory} is not an OCI image layout: it has no oci-layout file`)
}

/**
 * The manifests that the indexes among the entries name, and the indexes inside them.
 * @throws {Failure} verification, where an index is malformed and no `onUnreadable` is told of it instead.
 */
export const childrenOf = async (
  directory: string,
  entries: readonly Descriptor[],
  onUnreadable?: (failure: Failure) => void,
): Promise<Set<Digest>> => {
  const children = new Set<Digest>()
  const visit = async (descriptor: Descriptor): Promise<void> => {
    if (!isIndexType(descriptor.mediaType)) return
    const reading = readManifest(directory, descriptor.digest)
    const content = await (onUnreadable === undefined ? reading : unlessDamaged(reading, onUnreadable))
    // Content that is no index is not what its entry says, and names nothing.
    if (content === undefined || !isIndexType(content.descriptor.mediaType)) return
    for (const child of parseIndex(content.bytes).manifests) {
      if (children.has(child.digest)) continue
      children.add(child.digest)
      await visit(child)
    }
  }
  for (const entry of entries) await visit(entry)
  return children
}

/**
 * The manifests that a layout was written for: those of its index.json that no index in it names, each once.
 * @throws {Failure} input, where the directory is no layout; verification, where index.json or an index is malformed.
 */
export const layoutRoots = async (directory: string): Promise<readonly Descriptor[]> => {
  const { manifests } = await readLayoutIndex(directory)
  const children = await childrenOf(directory, manifests)
  const roots = new Map<Digest, Descriptor>()
  for (const entry of manifests) {
    if (!isManifestType(entry.mediaType) || children.has(entry.digest) || roots.has(entry.digest)) continue
    // kaniko 1.28 writes the config's media type as artifactType of an entry that is an image.
    const { artifactType, ...image } = entry
    roots.set(entry.digest, artifactType === undefined || artifactType === mediaTypes.ociConfig ? image : entry)
  }
  return [...roots.values()]
}

/** Changes index.json, alone among all writers; makes the directory a layout where it is none yet. */
export const updateLayoutIndex = async (
  directory: string,
  change: (entries: readonly Descriptor[]) => Promise<readonly Descriptor[]>,
): Promise<void> => {
  await attempt(directory, 'create', mkdir(directory, { recursive: true }))
  const lostLock = new Error('the lock was lost')
  const update = async (): Promise<void> =>
    await withLock(lockFile(directory), async (lock) => {
      const isLayout = await readMarker(directory)
      const index = (await readEntries(directory)) ?? {
        schemaVersion: 2,
        mediaType: mediaTypes.ociIndex,
        manifests: [],
      }
      const manifests = await change(index.manifests)
      if (isLayout && isDeepStrictEqual(manifests, index.manifests)) return
      await replaceFile(indexFile(directory), [encode({ ...index, manifests })], async () => {
        if (!(await lock.isHeld())) throw lostLock
      })
      // The marker comes last: who sees it may rely on index.json.
      if (!isLayout) await replaceFile(markerFile(directory), [encode({ imageLayoutVersion: layoutVersion })])
    })
  for (;;) {
    try {
      await update()
      return
    } catch (error) {
      if (error !== lostLock) throw error
    }
  }
}
