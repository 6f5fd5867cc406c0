// What may be copied besides plain images: a cache's layers, artifacts, foreign layers, indexes that are not whole.
import { randomBytes } from 'node:crypto'
import { buildIndex, type Descriptor, digestOf, type ManifestContent, mediaTypes, parseIndex } from '@polyarch/oci'
import {
  lacks,
  pushSampleImage,
  type RunningRegistry,
  sampleBlob,
  sampleContent,
  sampleImage,
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
})
