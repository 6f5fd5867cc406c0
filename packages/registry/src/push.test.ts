// Whole images to real registries: in how few requests, over how many connections, in how much memory.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { open, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { copyManifest, type Store } from '@polyarch/oci'
import {
  lacks,
  pushSampleImage,
  type RunningRegistry,
  type SampleImage,
  sampleContent,
  sampleImage,
  sampleIndex,
  startLatencyProxy,
  startRegistry,
  temporaryDirectory,
} from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openTestClient } from './testing/samples.ts'

const run = promisify(execFile)
const amd64 = { os: 'linux', architecture: 'amd64' }

/** A store to copy from that holds the image and nothing else. */
const holding = (image: SampleImage): Store => {
  const blobs = new Map([image.config, ...image.layers].map((blob) => [blob.descriptor.digest, blob]))
  return {
    location: 'the fixture',
    getManifest: async () => image.manifest,
    getBlob: ({ digest }: { digest: string }, start?: number) =>
      sampleContent(blobs.get(digest as `sha256:${string}`)?.bytes ?? Buffer.of()).open(start),
  } as unknown as Store
}

const copy = (image: SampleImage, destination: Store) =>
  copyManifest(holding(image), destination, image.manifest.descriptor)

const smallLayers = (count: number) => Array.from({ length: count }, () => randomBytes(500))

describe.each(['docker-registry', 'distribution-3'] as const)('%s', (server) => {
  describe.skipIf(lacks(server))('needs few requests', () => {
    let registry: RunningRegistry
    beforeAll(async () => {
      registry = await startRegistry({ server })
    })
    afterAll(() => registry.stop())

    /** The requests that the work makes, of a client that is as new as a step is. */
    const requestsOf = async (
      work: (store: Store) => Promise<unknown>,
      repository: string,
    ): Promise<readonly string[]> => {
      const before = (await registry.requests()).length
      await using test = openTestClient()
      await work(test.open(registry.host, repository))
      return (await registry.requests()).slice(before)
    }

    test('two for each of 200 new layers, and three for the manifest', async () => {
      const image = sampleImage(amd64, smallLayers(200))
      const requests = await requestsOf((store) => copy(image, store), 'few/new')
      expect(requests.length).toBeLessThanOrEqual(2 * 201 + 3)
      expect(requests.filter((line) => line.startsWith('PATCH') || line.includes(' /v2/few/new/blobs/sha256'))).toEqual(
        [],
      )
    })

    test('one for an image that is there already', async () => {
      const image = sampleImage(amd64, smallLayers(200))
      await requestsOf((store) => copy(image, store), 'few/unchanged')
      const requests = await requestsOf((store) => copy(image, store), 'few/unchanged')
      expect(requests).toEqual([`HEAD /v2/few/unchanged/manifests/${image.manifest.descriptor.digest} 200`])
    })

    test('six at most where only the config of 200 layers changed', async () => {
      const layers = smallLayers(200)
      await requestsOf((store) => copy(sampleImage(amd64, layers), store), 'few/config')
      const changed = sampleImage({ ...amd64, variant: 'v3' }, layers)
      const requests = await requestsOf((store) => copy(changed, store), 'few/config')
      expect(requests.length).toBeLessThanOrEqual(6)
    })
  })
})

describe.skipIf(lacks('docker-registry'))('a far registry', () => {
  test('gets 200 layers over as many connections as that takes, each kept alive', async () => {
    await using registry = await startRegistry()
    await using proxy = await startLatencyProxy({ target: registry.host, roundTripMs: 20 })
    await using test = openTestClient({ clock: undefined })
    const image = sampleImage(amd64, smallLayers(200))
    await copy(image, test.open(proxy.host))
    const { connections, exchanges } = proxy.traffic()
    expect(connections).toBeGreaterThan(20)
    expect(connections).toBeLessThanOrEqual(60)
    expect(exchanges.length).toBeGreaterThan(400)
  })
})

describe.skipIf(lacks('docker-registry', 'skopeo'))('skopeo', () => {
  test('reads what was pushed, platform by platform', async () => {
    await using registry = await startRegistry()
    await using temporary = await temporaryDirectory('skopeo')
    await using test = openTestClient()
    const store = test.open(registry.host)
    const images = [sampleImage(amd64), sampleImage({ os: 'linux', architecture: 'arm64', variant: 'v8' })]
    for (const image of images) await pushSampleImage(store, image)
    const index = sampleIndex(images)
    await store.pushManifest(index, '1.2.3')
    const source = `docker://${registry.host}/acme/web:1.2.3`
    const { stdout } = await run('skopeo', ['inspect', '--raw', '--tls-verify=false', source])
    expect(stdout).toBe(Buffer.from(index.bytes).toString())
    const target = `oci:${join(temporary.path, 'layout')}:arm64`
    await run('skopeo', [
      'copy',
      '--preserve-digests',
      '--src-tls-verify=false',
      '--override-os=linux',
      '--override-arch=arm64',
      source,
      target,
    ])
    const inspected = await run('skopeo', ['inspect', target])
    expect(JSON.parse(inspected.stdout)).toMatchObject({
      Architecture: 'arm64',
      Layers: images[1]?.layers.map((layer) => layer.descriptor.digest),
    })
  })
})

describe.skipIf(lacks('docker-registry'))('a layer of 300 MB', () => {
  test('passes through less than 100 MB of memory, up and down', async () => {
    await using registry = await startRegistry()
    await using temporary = await temporaryDirectory('large-layer')
    const path = join(temporary.path, 'layer')
    await using file = await open(path, 'w')
    await truncate(path, 300_000_000)
    await file.write(randomBytes(1000))
    const program = join(import.meta.dirname, 'testing', 'push-file.ts')
    const args = ['--conditions=@polyarch/source', program, path, registry.host]
    const { stdout } = await run(process.execPath, args, { timeout: 100_000 })
    const { growth, pulled } = JSON.parse(stdout) as { growth: number; pulled: number }
    expect(pulled).toBe(300_000_000)
    expect(growth).toBeLessThan(100_000_000)
  })
})
