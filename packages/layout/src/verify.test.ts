// A layout is checked to the last byte before it is trusted.
import { rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Descriptor, hexOf, type Store } from '@polyarch/oci'
import { pushSampleImage, sampleImage, sampleIndex, type TemporaryDirectory, temporaryDirectory } from '@polyarch/parts'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openLayout, verifyLayout } from './index.ts'

const images = [
  sampleImage({ os: 'linux', architecture: 'amd64' }, ['shared layer', 'amd64']),
  sampleImage({ os: 'linux', architecture: 'arm64' }, ['shared layer', 'arm64']),
]
const index = sampleIndex(images)
const layer = images[1]!.layers[1]!.descriptor
const config = images[0]!.config.descriptor

let temporary: TemporaryDirectory
let layout: Store
const pathOf = (blob: Descriptor): string => join(temporary.path, 'blobs/sha256', hexOf(blob.digest))
beforeEach(async () => {
  temporary = await temporaryDirectory('verify')
  layout = openLayout(temporary.path)
  for (const image of images) await pushSampleImage(layout, image)
  await layout.pushManifest(index, 'latest')
})
afterEach(() => temporary[Symbol.asyncDispose]())

test('a whole layout passes', async () => {
  await verifyLayout(temporary.path, await layout.resolveManifest('latest'))
})

test.each([
  ['layer', layer],
  ['config', config],
  ['child of the index', images[0]!.manifest.descriptor],
  ['index', index.descriptor],
])('a missing %s is named', async (_, blob) => {
  await rm(pathOf(blob))
  await expect(verifyLayout(temporary.path, index.descriptor)).rejects.toMatchObject({
    kind: 'verification',
    message: expect.stringMatching(new RegExp(`${hexOf(blob.digest)} is missing`)),
  })
})

test.each([
  ['layer', layer],
  ['config', config],
  ['child of the index', images[0]!.manifest.descriptor],
])('a %s with other bytes of the same size is named', async (_, blob) => {
  await writeFile(pathOf(blob), Buffer.alloc(blob.size, 'x'))
  await expect(verifyLayout(temporary.path, index.descriptor)).rejects.toMatchObject({
    kind: 'verification',
    message: expect.stringContaining(pathOf(blob)),
  })
})

test('a file that was cut short is named with both sizes', async () => {
  await truncate(pathOf(layer), 1)
  await expect(verifyLayout(temporary.path, index.descriptor)).rejects.toMatchObject({
    kind: 'verification',
    message: `${pathOf(layer)} has 1 bytes: ${images[1]!.manifest.descriptor.digest} says ${layer.size}`,
  })
})

test('a directory that is no layout is an input that names it', async () => {
  const nowhere = join(temporary.path, 'nowhere')
  await expect(verifyLayout(nowhere, index.descriptor)).rejects.toMatchObject({
    kind: 'input',
    message: expect.stringContaining(nowhere),
  })
})
