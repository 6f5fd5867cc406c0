// Layouts that hold more than what is copied, or that something happened to.
import { readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildIndex, type Descriptor, hexOf } from '@polyarch/oci'
import { pushSampleImage, sampleBlob, sampleContent, sampleImage, sampleIndex } from '@polyarch/parts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type CopyScene, openCopyScene } from './testing/copy-scene.ts'

const [amd64, arm64] = [
  sampleImage({ os: 'linux', architecture: 'amd64' }),
  sampleImage({ os: 'linux', architecture: 'arm64' }),
]
const index = sampleIndex([amd64, arm64])

let scene: CopyScene
beforeEach(async () => {
  scene = await openCopyScene()
  const source = scene.open('oci:source')
  for (const image of [amd64, arm64]) await pushSampleImage(source, image)
  await source.pushManifest(index, 'index')
  await source.pushManifest(amd64.manifest, 'image')
})
afterEach(() => scene[Symbol.asyncDispose]())

const fileOf = (layout: string, { digest }: Descriptor): string =>
  join(scene.directory, layout, 'blobs/sha256', hexOf(digest))

describe('what else a layout holds is no hindrance', () => {
  test('a cache that BuildKit exported, whose index lists layers', async () => {
    const layer = sampleBlob('not JSON', 'application/vnd.oci.image.layer.v1.tar+gzip')
    const source = scene.open('oci:source')
    await source.pushBlob(layer.descriptor, sampleContent(layer.bytes))
    await source.pushManifest(buildIndex([layer.descriptor]), 'cache')
    for (const tag of ['image', 'cache']) await scene.copy(`oci:source:${tag}`, `oci:there:${tag}`)
    await scene.copy('oci:there:cache', 'oci:back:cache')
    expect(await scene.open('oci:back').resolveBlob(layer.descriptor.digest)).toBe(layer.bytes.length)
    expect(scene.warnings).toEqual([])
  })

  test('an index that is damaged, until it is copied again', async () => {
    await scene.copy('oci:source:index', 'oci:there:index')
    await scene.copy('oci:source:image', 'oci:there:image')
    await writeFile(fileOf('there', index.descriptor), 'garbage')
    await scene.copy('oci:there:image', 'oci:back:image')
    expect(scene.warnings).toEqual([expect.stringContaining(`${fileOf('there', index.descriptor)} has the digest`)])
    await scene.copy('oci:source:image', 'oci:there:other')
    expect((await scene.open('oci:there').listTags()).toSorted()).toEqual(['image', 'index', 'other'])
    await expect(scene.copy('oci:there:index', 'oci:back:index')).rejects.toMatchObject({ kind: 'verification' })
  })
})

describe('tags of a layout', () => {
  const tagsOf = async (layout: string): Promise<Record<string, string>> => {
    const store = scene.open(`oci:${layout}`)
    const tags = (await store.listTags()).toSorted()
    return Object.fromEntries(
      await Promise.all(tags.map(async (tag) => [tag, (await store.resolveManifest(tag)).digest] as const)),
    )
  }
  const [image, whole] = [amd64.manifest.descriptor.digest, index.descriptor.digest]

  test('stay where they are when another one is copied or moves', async () => {
    await scene.copy('oci:source:index', 'oci:there:one')
    await scene.copy('oci:source:image', 'oci:there:two')
    expect(await tagsOf('there')).toEqual({ one: whole, two: image })
    await scene.copy('oci:source:image', 'oci:there:one')
    expect(await tagsOf('there')).toEqual({ one: image, two: image })
    expect((await scene.open('oci:there').resolveManifest(whole)).digest).toBe(whole)
  })

  test('stay when they are copied onto themselves', async () => {
    const before = await readFile(join(scene.directory, 'source/index.json'), 'utf8')
    expect(await scene.copy('oci:source:index', 'oci:source:index')).toMatchObject({ 'uploaded-bytes': 0 })
    expect(await readFile(join(scene.directory, 'source/index.json'), 'utf8')).toBe(before)
  })
})

describe('a layout that was damaged is whole after the same copy', () => {
  const [layer] = arm64.layers

  test.each([
    ['a layer of another size', async (path: string) => await truncate(path, 3), layer!],
    ['a missing layer', rm, layer!],
    ['a missing config', rm, arm64.config],
    ['a missing manifest', rm, arm64.manifest],
    ['a damaged manifest', async (path: string) => await writeFile(path, 'garbage'), arm64.manifest],
    ['a damaged index', async (path: string) => await writeFile(path, 'garbage'), index],
  ])('%s', async (_, damage, { descriptor, bytes }) => {
    for (const destination of ['oci:there:v1', 'oci:there']) {
      await scene.copy('oci:source:index', destination)
      await damage(fileOf('there', descriptor))
      await scene.copy('oci:source:index', destination)
      expect((await readFile(fileOf('there', descriptor))).equals(bytes)).toBe(true)
      await scene.copy('oci:there:v1', 'oci:back:v1')
    }
  })

  test('a missing layer of a single image, and one of a cache', async () => {
    const cached = sampleBlob('a cached layer', 'application/vnd.oci.image.layer.v1.tar+gzip')
    const source = scene.open('oci:source')
    await source.pushBlob(cached.descriptor, sampleContent(cached.bytes))
    await source.pushManifest(buildIndex([cached.descriptor]), 'cache')
    for (const [tag, { descriptor, bytes }] of [
      ['image', amd64.layers[0]!],
      ['cache', cached],
    ] as const) {
      await scene.copy(`oci:source:${tag}`, `oci:there:${tag}`)
      for (const damage of [rm, async (path: string) => await truncate(path, 3)]) {
        await damage(fileOf('there', descriptor))
        await scene.copy(`oci:source:${tag}`, `oci:there:${tag}`)
        expect((await readFile(fileOf('there', descriptor))).equals(bytes)).toBe(true)
      }
    }
  })

  test('missing layers of signatures', async () => {
    const { mediaType, digest, size } = amd64.manifest.descriptor
    const subject = { mediaType, digest, size }
    const signature = sampleImage({ os: 'unknown', architecture: 'unknown' }, ['signature'], { subject })
    const cosignSignature = sampleImage({ os: '', architecture: '' }, ['cosign signature'])
    const source = scene.open('oci:source')
    await pushSampleImage(source, signature)
    await pushSampleImage(source, cosignSignature, `sha256-${hexOf(digest)}.sig`)
    await scene.copy('oci:source:image', 'oci:there:image')
    const layers = [signature, cosignSignature].flatMap((each) => each.layers)
    for (const { descriptor } of layers) await rm(fileOf('there', descriptor))
    await scene.copy('oci:source:image', 'oci:there:image')
    for (const { descriptor, bytes } of layers)
      expect((await readFile(fileOf('there', descriptor))).equals(bytes)).toBe(true)
  })
})
