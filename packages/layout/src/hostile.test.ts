// Layouts that were made to keep a reader busy for ever, or to fill its memory.
import { mkdir, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  copyManifest,
  type Descriptor,
  Failure,
  flattenManifest,
  type ManifestContent,
  manifestSizeLimit,
  mediaTypes,
  type Store,
  subjectsOf,
} from '@polyarch/oci'
import { pushSampleImage, sampleBlob, sampleImage, type TemporaryDirectory, temporaryDirectory } from '@polyarch/parts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { layoutRoots, openLayout } from './index.ts'

let directory: TemporaryDirectory
beforeEach(async () => {
  directory = await temporaryDirectory()
})
afterEach(() => directory[Symbol.asyncDispose]())

/** Writes a manifest without the checks of a store. */
const plant = async (value: unknown): Promise<Descriptor> => {
  const { bytes, descriptor } = sampleBlob(JSON.stringify(value), mediaTypes.ociIndex)
  const folder = join(directory.path, 'layout/blobs/sha256')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, descriptor.digest.slice('sha256:'.length)), bytes)
  return descriptor
}
const index = (...manifests: readonly Descriptor[]) => ({
  schemaVersion: 2,
  mediaType: mediaTypes.ociIndex,
  manifests,
})
const plantRoot = async (...manifests: readonly Descriptor[]): Promise<Store> => {
  await mkdir(join(directory.path, 'layout'), { recursive: true })
  await writeFile(join(directory.path, 'layout/oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  await writeFile(join(directory.path, 'layout/index.json'), JSON.stringify(index(...manifests)))
  return openLayout(join(directory.path, 'layout'))
}
const outcomeOf = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    return await work
  } catch (error) {
    return error
  }
}

test('an index.json that nests deeper than anybody writes is refused in one sentence, read or written', async () => {
  const store = await plantRoot()
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  await writeFile(join(directory.path, 'layout/index.json'), `{"schemaVersion":2,"manifests":[],"x":${deep}}`)
  const image = sampleImage({ os: 'linux', architecture: 'amd64' })
  const write = () => pushSampleImage(store, image, 'v1')
  for (const work of [() => layoutRoots(join(directory.path, 'layout')), write])
    expect(await outcomeOf(work())).toMatchObject({
      kind: 'verification',
      message: expect.stringMatching(/index\.json: index nests deeper than 1000 levels$/),
    })
})

describe('an index', () => {
  /** Each index names the one before so many times. */
  const nest = async (levels: number, times: number): Promise<Descriptor> => {
    let innermost = await plant(index())
    for (let level = 0; level < levels; level += 1)
      innermost = await plant(index(...Array.from({ length: times }, () => innermost)))
    return innermost
  }

  test.each([
    ['inside hundreds of others', 500, 1],
    ['named twice at each of forty levels', 40, 2],
    ['named thousands of times at each of three levels', 3, 5_000],
  ])('%s ends soon, and nothing of it is copied', async (_, levels, times) => {
    const top = await nest(levels, times)
    const store = await plantRoot(top)
    const target = openLayout(join(directory.path, 'target'))
    for (const work of [
      () => flattenManifest(store, top),
      () => subjectsOf(store, top),
      () => copyManifest(store, target, top),
      () => layoutRoots(join(directory.path, 'layout')),
    ]) {
      const outcome = await outcomeOf(work())
      if (outcome instanceof Error) expect(outcome).toBeInstanceOf(Failure)
    }
    expect(await outcomeOf(flattenManifest(store, top))).toEqual(
      levels > 4 ? expect.objectContaining({ kind: 'verification' }) : { images: [], attestations: [] },
    )
    expect(await target.listTags()).toEqual([])
  })

  test('that is larger than any registry takes is not read', async () => {
    const store = await plantRoot()
    const digest = `sha256:${'a'.repeat(64)}` as const
    const path = join(directory.path, 'layout/blobs/sha256', 'a'.repeat(64))
    await mkdir(join(path, '..'), { recursive: true })
    await writeFile(path, '')
    // Takes no room on disk, and would take all memory.
    await truncate(path, 8_000_000_000_000)
    const error = (await outcomeOf(store.getManifest(digest))) as Failure
    expect(error).toMatchObject({ kind: 'verification' })
    expect(error.message).toContain(`more than the limit of ${manifestSizeLimit}`)
  })
})

test('a descriptor cannot name a file outside', async () => {
  const evil = { mediaType: mediaTypes.ociManifest, digest: 'sha256:../../../../etc/passwd', size: 7 }
  const store = await plantRoot(evil as unknown as Descriptor)
  for (const work of [
    () => layoutRoots(join(directory.path, 'layout')),
    () => store.getManifest(evil.digest),
    () => store.resolveBlob(evil.digest as never),
  ])
    expect(await outcomeOf(work())).toMatchObject({ kind: expect.stringMatching(/verification|registry/) })
})

test('keys that are written twice, and keys of the prototype, are bytes like others', async () => {
  const image = sampleImage({ os: 'linux', architecture: 'amd64' })
  const store = openLayout(join(directory.path, 'layout'))
  const text = `{"__proto__":{"manifests":[]},${String(Buffer.from(image.manifest.bytes)).slice(1, -1)},"layers":[]}`
  const { bytes, descriptor } = sampleBlob(text, mediaTypes.ociManifest)
  const twice: ManifestContent = { bytes, descriptor }
  await store.pushBlob(image.config.descriptor, {
    origin: 'memory',
    open: async function* () {
      yield image.config.bytes
    },
  })
  await store.pushManifest(twice, 'v1')
  expect(Buffer.from((await store.getManifest('v1')).bytes).toString()).toBe(text)
  expect(({} as { manifests?: unknown }).manifests).toBeUndefined()
})
