// Which manifests refer to another: found in one pass over a layout, and what is written meanwhile counts.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Descriptor, hexOf, type Store } from '@polyarch/oci'
import { pushSampleImage, sampleImage, sampleIndex, type TemporaryDirectory, temporaryDirectory } from '@polyarch/parts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openLayout } from './index.ts'

let directory: TemporaryDirectory
let store: Store
const lines: string[] = []
beforeEach(async () => {
  lines.length = 0
  directory = await temporaryDirectory('referrers')
  store = openLayout(directory.path, { onUnreadable: (line) => lines.push(line) })
})
afterEach(() => directory[Symbol.asyncDispose]())

const amd64 = { os: 'linux', architecture: 'amd64' }
const image = sampleImage(amd64)
const refer = ({ mediaType, digest, size }: Descriptor, note: string) =>
  sampleImage({ os: 'unknown', architecture: 'unknown' }, [note], { subject: { mediaType, digest, size } })
const find = async (): Promise<string[]> =>
  (await store.listReferrers(image.manifest.descriptor.digest)).map(({ digest }) => digest)

test('are found however they were written: by this store, by another, inside an index', async () => {
  const signatures = ['first', 'second', 'third'].map((note) => refer(image.manifest.descriptor, note))
  const [first, second, third] = signatures.map(({ manifest }) => manifest.descriptor.digest)
  await pushSampleImage(store, image, 'v1')
  expect(await find()).toEqual([])
  await pushSampleImage(store, signatures[0]!)
  expect(await find()).toEqual([first])
  const other = openLayout(directory.path)
  await pushSampleImage(other, signatures[1]!)
  expect(await find()).toEqual([first, second])
  await pushSampleImage(other, signatures[2]!)
  await other.pushManifest(sampleIndex([signatures[2]!]), 'signatures')
  expect(new Set(await find())).toEqual(new Set([first, second, third]))
  await store.deleteManifest(first!)
  expect(new Set(await find())).toEqual(new Set([second, third]))
})

test('leave out what is damaged, say so once, and have it again when it is written again', async () => {
  const signature = refer(image.manifest.descriptor, 'signature')
  await pushSampleImage(store, image, 'v1')
  await pushSampleImage(store, signature)
  const { digest } = signature.manifest.descriptor
  const path = join(directory.path, 'blobs/sha256', hexOf(digest))
  const bytes = await readFile(path)
  await writeFile(path, 'garbage')
  expect([await find(), await find()]).toEqual([[], []])
  expect(lines).toEqual([expect.stringContaining(`${path} has the digest`)])
  expect(Buffer.from(signature.manifest.bytes).equals(bytes)).toBe(true)
  await store.pushManifest(signature.manifest)
  expect(await find()).toEqual([digest])
})

test.runIf(process.platform === 'linux')(
  'of all images of an index are found in one pass over the layout',
  async () => {
    const images = Array.from({ length: 200 }, (_, n) => sampleImage({ ...amd64, variant: `v${n}` }, ['layer']))
    for (const each of images) await pushSampleImage(store, each)
    await store.pushManifest(sampleIndex(images), 'v1')
    const bytesRead = async (): Promise<number> =>
      Number(/^rchar: (\d+)/m.exec(await readFile('/proc/self/io', 'utf8'))?.[1])
    const fresh = openLayout(directory.path)
    const before = await bytesRead()
    for (const { manifest } of images) await fresh.listReferrers(manifest.descriptor.digest)
    const size = images.reduce((sum, { manifest }) => sum + manifest.bytes.length, 0)
    expect((await bytesRead()) - before).toBeLessThan(10 * size)
  },
)
