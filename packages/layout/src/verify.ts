// Checks a layout before anything trusts it: every file that a manifest names is there and is what it says.
import { type Descriptor, type Digest, forEachParallel, isManifestType, verificationFailure } from '@polyarch/oci'
import { blobFile, readBlob, sizeOfBlob } from './blobs.ts'
import { pathOf } from './layout-files.ts'
import { readLayoutIndex } from './layout-index.ts'
import { contentOf, readManifest } from './manifests.ts'

/** Hashing keeps one core busy; a few files at once hide the disk's latency. */
const parallelFiles = 4

/**
 * Reads the manifest, all that it names and all that its children name, and holds every size and digest against it.
 * @throws {Failure} verification, naming the file that is missing or corrupt; input, where the directory is no layout.
 */
export const verifyLayout = async (directory: string, descriptor: Descriptor): Promise<void> => {
  await readLayoutIndex(directory)
  const blobs = new Map<Digest, Descriptor>()
  const seen = new Set<Digest>()
  const checked = new Set<string>()

  const requireSize = async ({ digest, size }: Descriptor, named: string): Promise<void> => {
    const path = pathOf(blobFile(directory, digest))
    const actual = await sizeOfBlob(directory, digest, checked)
    if (actual === undefined) throw verificationFailure(`${path} is missing: ${named} names it`)
    if (actual !== size) throw verificationFailure(`${path} has ${actual} bytes: ${named} says ${size}`)
  }

  const visit = async (manifest: Descriptor, named: string): Promise<void> => {
    await requireSize(manifest, named)
    if (seen.has(manifest.digest)) return
    seen.add(manifest.digest)
    const content = await readManifest(directory, manifest.digest)
    for (const part of content === undefined ? [] : contentOf(content)) {
      if (isManifestType(part.mediaType)) await visit(part, manifest.digest)
      else {
        await requireSize(part, manifest.digest)
        blobs.set(part.digest, part)
      }
    }
  }

  await visit(descriptor, 'index.json')
  await forEachParallel(blobs.values(), parallelFiles, async (blob) => {
    for await (const _ of readBlob(directory, blob));
  })
}
