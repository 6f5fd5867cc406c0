// What may be copied besides plain images: a cache's layers, artifacts, foreign layers, indexes that are not whole.
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  buildIndex,
  type Descriptor,
  digestOf,
  hexOf,
  type ManifestContent,
  mediaTypes,
  parseIndex,
} from '@polyarch/oci'
import {
  lacks,
  pushSampleImage,
  type RunningRegistry,
  sampleBlob,
  sampleContent,
  sampleImage,
  sampleIndex,
  sampleManifest,
  startRegistry,
} from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CopyScene, openCopyScene } from './testing/copy-scene.ts'

const amd64 = sampleImage({ os: 'linux', architecture: 'amd64' })

// Distribution 3 takes no index of layers.
describe.skipIf(lacks('docker-registry'))('polyarch copy', () => {
  let registry: RunningRegistry
  let scene: CopyScene
  beforeAll(async () => {
    registry = await startRegistry()
    scene = await openCopyScene()
  })
  afterAll(async () => {
    await scene[Symbol.asyncDispose]()
    await registry.stop()
  })

  const newName = (): string => `${registry.host}/${randomBytes(6).toString('hex')}`

  const expectSame = async (place: string, index: ManifestContent, blobs: readonly Descriptor[]): Promise<void> => {
    const store = scene.open(place)
    expect(Buffer.from((await store.getManifest('v1')).bytes).equals(index.bytes)).toBe(true)
    for (const { digest, size } of blobs) expect(await store.resolveBlob(digest)).toBe(size)
  }

  test('takes an index of layers: a cache that BuildKit exported', async () => {
    const layers = ['first', 'second'].map((text) => sampleBlob(text, 'application/vnd.oci.image.layer.v1.tar+gzip'))
    const config = sampleBlob('{"layers":[],"records":[]}', 'application/vnd.buildkit.cacheconfig.v0')
    const blobs = [...layers, config].map(({ descriptor }) => descriptor)
    const [index, image] = [buildIndex(blobs), newName()]
    const store = scene.open(image)
    for (const { bytes, descriptor } of [...layers, config]) await store.pushBlob(descriptor, sampleContent(bytes))
    await store.pushManifest(index, 'v1')

    await scene.copy(`${image}:v1`, `${image}-there:v1`)
    await expectSame(`${image}-there`, index, blobs)
    await scene.copy(`${image}:v1`, `oci:cache:v1`)
    await expectSame(`oci:cache`, index, blobs)
    const { 'uploaded-bytes': uploaded } = await scene.copy(`oci:cache:v1`, `${image}-back:v1`)
    await expectSame(`${image}-back`, index, blobs)
    expect(uploaded).toBe(blobs.reduce((sum, { size }) => sum + size, 0))
  })

  test('takes an index with an artifact for the empty platform, which no platform chooses', async () => {
    const artifact = sampleImage({ os: '', architecture: '' }, ['an artifact'])
    const image = newName()
    const store = scene.open(image)
    for (const each of [amd64, artifact]) await pushSampleImage(store, each)
    const index = buildIndex([amd64.manifest.descriptor, artifact.manifest.descriptor])
    expect(Buffer.from(index.bytes).toString()).toContain('"os": ""')
    await store.pushManifest(index, 'v1')
    await scene.copy(`${image}:v1`, `${image}-there:v1`)
    await expectSame(`${image}-there`, index, [artifact.config.descriptor])
    const { digest } = await scene.copy(`${image}:v1`, `${image}-chosen:v1`, { platforms: 'linux/amd64' })
    const { manifests } = parseIndex((await scene.open(`${image}-chosen`).getManifest(digest ?? '')).bytes)
    expect(manifests.map((entry) => entry.digest)).toEqual([amd64.manifest.descriptor.digest])
  })

  test('is refused at once by a registry that asks for a foreign layer', async () => {
    const config = sampleBlob('{"os":"windows","architecture":"amd64"}', mediaTypes.dockerConfig)
    const layer = {
      mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
      digest: digestOf(Buffer.from('elsewhere')),
      size: 9,
      urls: ['https://example.invalid/layer'],
    }
    const parts = { schemaVersion: 2, mediaType: mediaTypes.dockerManifest, config: config.descriptor, layers: [layer] }
    const source = scene.open('oci:foreign')
    await source.pushBlob(config.descriptor, sampleContent(config.bytes))
    await source.pushManifest(sampleManifest(parts), 'v1')
    const before = scene.warnings.length
    await expect(scene.copy('oci:foreign:v1', `${newName()}:v1`)).rejects.toMatchObject({
      kind: 'registry',
      message: expect.stringContaining(layer.digest),
    })
    expect(scene.warnings.slice(before)).toEqual([])
  })

  test('onto itself changes nothing', async () => {
    const image = newName()
    await pushSampleImage(scene.open(image), amd64, 'v1')
    const mark = (await registry.requests()).length
    expect(await scene.copy(`${image}:v1`, `${image}:v1`)).toMatchObject({ 'uploaded-bytes': 0 })
    expect((await registry.requests()).slice(mark).filter((line) => /^(?:POST|PATCH|DELETE)/.test(line))).toEqual([])
    await expectSame(image, amd64.manifest, [amd64.config.descriptor])
  })

  test('takes of an index whose children are not all there those that are chosen, and no other tags', async () => {
    const s390x = sampleImage({ os: 'linux', architecture: 's390x' })
    const index = sampleIndex([amd64, s390x])
    const source = scene.open('oci:sparse')
    for (const each of [amd64, s390x]) await pushSampleImage(source, each)
    await source.pushManifest(index, 'v1')
    const hex = hexOf(s390x.manifest.descriptor.digest)
    await rm(join(scene.directory, 'sparse/blobs/sha256', hex))
    for (const there of [newName(), 'oci:sparse-there']) {
      await expect(scene.copy('oci:sparse:v1', `${there}:v1`)).rejects.toMatchObject({
        kind: 'registry',
        message: expect.stringContaining(hex),
      })
      expect(await scene.open(there).listTags()).toEqual([])
      const { digest } = await scene.copy('oci:sparse:v1', `${there}:v1`, { platforms: 'linux/amd64' })
      const { manifests } = parseIndex((await scene.open(there).getManifest(digest ?? '')).bytes)
      expect(manifests.map((entry) => entry.digest)).toEqual([amd64.manifest.descriptor.digest])
    }
  })
})
