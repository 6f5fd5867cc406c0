// Whole images through a line that resets, cuts and refuses: what is tagged in the end is whole.
import { randomBytes } from 'node:crypto'
import { blobsOf, copyManifest, digestOf, parseIndex, type Store } from '@polyarch/oci'
import { lacks, pushSampleImage, sampleImage, sampleIndex, startFaultProxy, startRegistry } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { openTestClient, readAll } from './testing/samples.ts'

const platforms = ['amd64', 'arm64', 's390x'].map((architecture) => ({ os: 'linux', architecture }))

/** Three platforms over a common layer. */
const createImages = () => {
  const base = randomBytes(200_000)
  return platforms.map((platform) => sampleImage(platform, [base, randomBytes(50_000), randomBytes(1000)]))
}

/** Reads every byte behind the tag, as somebody who pulls it does. */
const pullAll = async (store: Store, tag: string): Promise<number> => {
  const index = await store.getManifest(tag)
  let blobs = 0
  for (const child of parseIndex(index.bytes).manifests)
    for (const blob of blobsOf(await store.getManifest(child.digest))) {
      expect(digestOf(await readAll(store.getBlob(blob)))).toBe(blob.digest)
      blobs += 1
    }
  return blobs
}

describe.skipIf(lacks('docker-registry'))('an image that goes through a broken line', () => {
  test.each([1, 3, 5])(
    'arrives whole, and can be read back through it (seed %d)',
    { timeout: 180_000 },
    async (seed) => {
      await using registry = await startRegistry()
      await using proxy = await startFaultProxy({
        target: registry.host,
        seed,
        resets: 0.3,
        truncations: 0.1,
        within: 100_000,
        refusals: { share: 0.2, statuses: [429, 500, 502, 503], retryAfter: '1' },
      })
      await using direct = openTestClient()
      const source = direct.open(registry.host, 'acme/source')
      const images = createImages()
      for (const image of images) await pushSampleImage(source, image)
      const index = sampleIndex(images)
      await source.pushManifest(index, 'v1')

      await using faulty = openTestClient({ limits: { attempts: 20 } })
      const destination = faulty.open(proxy.host, 'acme/destination')
      await copyManifest(faulty.open(proxy.host, 'acme/source'), destination, index.descriptor)
      await destination.pushManifest(index, 'v1')
      expect(await pullAll(destination, 'v1')).toBe(12)
      expect(await pullAll(direct.open(registry.host, 'acme/destination'), 'v1')).toBe(12)
      const { reset, truncated, refused } = proxy.faults()
      expect(reset + truncated + refused).toBeGreaterThan(0)
      expect(faulty.retries.length).toBeGreaterThan(0)
    },
  )

  test('is not tagged where the line stays broken', async () => {
    await using registry = await startRegistry()
    await using proxy = await startFaultProxy({ target: registry.host, seed: 4, resets: 1, within: 20_000 })
    await using direct = openTestClient()
    const source = direct.open(registry.host, 'acme/source')
    const image = sampleImage({ os: 'linux', architecture: 'amd64' }, [randomBytes(500_000)])
    await pushSampleImage(source, image, 'v1')
    await using faulty = openTestClient({ limits: { attempts: 3 } })
    const destination = faulty.open(proxy.host, 'acme/destination')
    await expect(copyManifest(source, destination, image.manifest.descriptor)).rejects.toThrow('gave up after')
    expect(await direct.open(registry.host, 'acme/destination').listTags()).toEqual([])
    proxy.heal()
    await using again = openTestClient()
    const healed = again.open(proxy.host, 'acme/destination')
    await copyManifest(source, healed, image.manifest.descriptor)
    await healed.pushManifest(image.manifest, 'v1')
    expect((await healed.resolveManifest('v1')).digest).toBe(image.manifest.descriptor.digest)
  })
})
