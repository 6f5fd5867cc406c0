// The check of what the exporter will read: it would pass over in silence what is wrong here.
import { copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { openLayout } from '@polyarch/layout'
import { digestOf, hexOf, type Manifest, mediaTypes } from '@polyarch/oci'
import { sampleBlob, sampleContent, temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { writeImage } from './layered-image.ts'
import { checkSparseLayout, describeDuplicates, writeSparseLayout } from './sparse-layout.ts'

const tar = (letter: string): Uint8Array => {
  const bytes = new Uint8Array(1024)
  bytes[1023] = 0
  return letter === '' ? bytes : new Uint8Array(1024 * letter.length)
}

/** An image of one base layer and one new one; the layers are empty tars of different lengths. */
const open = async () => {
  const directory = await temporaryDirectory()
  const store = openLayout(join(directory.path, 'blobs'))
  const tars = [tar('aa'), tar('bbb')]
  const layers = tars.map((bytes) => sampleBlob(gzipSync(bytes), 'application/vnd.oci.image.layer.v1.tar+gzip'))
  for (const { descriptor, bytes } of layers) await store.pushBlob(descriptor, sampleContent(bytes))
  const base: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: digestOf(new Uint8Array()), size: 0 },
    layers: [],
  }
  const image = writeImage({
    base,
    config: { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: tars.map(digestOf) } },
    layers: layers.map(({ descriptor }) => ({ descriptor, store })),
  })
  return {
    image,
    layers,
    store,
    extended: join(directory.path, 'extended'),
    run: join(directory.path, 'extended', 'run'),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  }
}

describe('a sparse layout is refused', () => {
  test.each<[string, (layout: string, blob: string, base: string) => Promise<void>, RegExp]>([
    ['without a new layer’s blob', (layout, blob) => rm(join(layout, 'blobs/sha256', blob)), /is missing/],
    [
      'with another blob in its place',
      (layout, blob) => writeFile(join(layout, 'blobs/sha256', blob), 'x'),
      /has 1 bytes: /,
    ],
    [
      'with a blob of the base',
      (layout, blob, base) => copyFile(join(layout, 'blobs/sha256', blob), join(layout, 'blobs/sha256', base)),
      /holds a blob [0-9a-f]{64} that is not a new layer’s/,
    ],
    [
      'that does not name it',
      (layout) => writeFile(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [] })),
      /does not hold sha256:[0-9a-f]{64} alone/,
    ],
  ])('%s', async (_, spoil, message) => {
    await using scene = await open()
    const layout = await writeSparseLayout(scene.run, scene.image, 1)
    const [base, added] = scene.layers.map(({ descriptor }) => hexOf(descriptor.digest))
    await spoil(layout, String(added), String(base))
    await expect(checkSparseLayout(layout, scene.image.manifest.descriptor.digest, 1)).rejects.toMatchObject({
      message: expect.stringMatching(message),
    })
  })

  test('before anybody sees it, where its image cannot be read', async () => {
    await using scene = await open()
    const [, added] = scene.layers
    await scene.store.pushBlob(added!.descriptor, sampleContent(added!.bytes))
    const broken = {
      ...scene.image,
      store: {
        ...scene.image.store,
        async *getBlob() {
          yield Buffer.from('half')
          throw new Error('the disk is full')
        },
      },
    }
    await expect(writeSparseLayout(scene.run, broken, 1)).rejects.toThrow('the disk is full')
    expect(await readdir(scene.extended)).toEqual([])
  })
})

test.each([
  ['something else', 'x', 2],
  ['two layouts', 'sha256:a/oci-layout sha256:b/oci-layout', 2],
])('a directory with %s is not written to', async (_, files, found) => {
  await using scene = await open()
  for (const file of files.split(' ')) {
    await mkdir(join(scene.run, file, '..'), { recursive: true })
    await writeFile(join(scene.run, file), '{}')
  }
  await expect(writeSparseLayout(scene.run, scene.image, 1)).rejects.toMatchObject({
    exitCode: 1,
    message: `expected directory "${scene.run}" to have only 1 item; found ${found}`,
  })
  expect(await readdir(scene.extended)).toEqual(['run'])
})

test('the base’s top layer is found again below itself', () => {
  const [a, b] = ['a', 'b'].map((text) => sampleBlob(text).descriptor)
  expect(describeDuplicates([a!, b!, a!, a!])).toEqual(
    [0, 1].map(() => `Original run image has duplicated top layer with digest: ${a?.digest}`),
  )
  expect(describeDuplicates([a!, b!])).toEqual([])
  expect(describeDuplicates([])).toEqual([])
})
