// What an index or a record says of an image beyond its config is said by the index that is merged.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { DigestRecord } from '@polyarch/documents'
import { buildIndex, type Descriptor, parseIndex } from '@polyarch/oci'
import { lacks, pushSampleImage, type RunningRegistry, sampleImage, startRegistry } from '@polyarch/parts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { amd64, arm64, attestationTo, images, type MergeScene, openMergeScene } from './testing/merge-scene.ts'

const run = promisify(execFile)

const armv6 = { os: 'linux', architecture: 'arm', variant: 'v6' }
const windows = { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.1', 'os.features': ['win32k'] }
const said = { 'com.example.said': 'yes', 'org.opencontainers.image.description': 'said of the entry' }
const artifactType = 'application/vnd.docker.attestation.manifest.v1+json'

describe.skipIf(lacks('docker-registry'))('merge-manifest', () => {
  let registry: RunningRegistry
  let scene: MergeScene

  beforeAll(async () => {
    registry = await startRegistry()
  })
  afterAll(() => registry.stop())
  beforeEach(async () => {
    scene = await openMergeScene(registry)
  })
  afterEach(() => scene[Symbol.asyncDispose]())

  /** The entry without what it says of the platform. */
  const bare = ({ mediaType, digest, size }: Descriptor): Descriptor => ({ mediaType, digest, size })

  describe('keeps what the index of an image that was built elsewhere says', () => {
    const silentArm = sampleImage({ os: 'linux', architecture: 'arm' }, ['for arm/v6'])
    const silentWindows = sampleImage({ os: 'windows', architecture: 'amd64' }, ['for windows'])
    const attestation = attestationTo(images.arm64)
    const index = buildIndex(
      [
        { ...silentArm.manifest.descriptor, platform: armv6, annotations: said },
        { ...silentArm.manifest.descriptor, platform: { ...armv6, variant: 'v7' } },
        { ...silentWindows.manifest.descriptor, platform: windows },
        {
          ...images.arm64.manifest.descriptor,
          annotations: { ...said, 'org.opencontainers.image.ref.name': '1.0' },
          artifactType: 'application/vnd.example',
        },
        { ...attestation.manifest.descriptor, artifactType },
      ],
      { annotations: { 'com.example.index': 'yes' } },
    )
    /** Merges amd64 with the platform's image of that index, and gives the merged index. */
    const mergeWith = async (platform: string) => {
      const elsewhere = `oci:${join(scene.directory, 'elsewhere')}`
      for (const image of [silentArm, silentWindows, images.arm64, attestation])
        await pushSampleImage(scene.open(elsewhere), image)
      await scene.open(elsewhere).pushManifest(index)
      await scene.writeRecords(await scene.pushRecord(images.amd64, amd64))
      await scene.merge({
        ...scene.inputs(),
        platforms: `linux/amd64,${platform}`,
        sources: `${platform}=${elsewhere}@${index.descriptor.digest}`,
      })
      return await scene.indexAt(scene.repository, 'latest')
    }

    test('its annotations and artifact types, not what names a place', async () => {
      const { manifests, annotations } = await mergeWith('linux/arm64')
      expect(manifests.slice(1)).toEqual([
        {
          ...bare(images.arm64.manifest.descriptor),
          annotations: said,
          artifactType: 'application/vnd.example',
          platform: arm64,
        },
        { ...attestation.manifest.descriptor, artifactType },
      ])
      expect(annotations, 'what it says of itself holds of another index').toBeUndefined()
    })

    test.each([
      ['variant', 'linux/arm/v6', { ...bare(silentArm.manifest.descriptor), annotations: said, platform: armv6 }],
      [
        'variant, of an image that is listed for two',
        'linux/arm/v7',
        { ...bare(silentArm.manifest.descriptor), platform: { ...armv6, variant: 'v7' } },
      ],
      [
        'os.version and os.features',
        'windows/amd64',
        { ...bare(silentWindows.manifest.descriptor), platform: windows },
      ],
    ])('its %s, of which the config says nothing', async (_, platform, expected) => {
      expect((await mergeWith(platform)).manifests.slice(1)).toEqual([expected])
    })

    test.skipIf(lacks('skopeo'))('and skopeo finds the image by it', async () => {
      const { manifests } = await mergeWith('linux/arm/v6')
      const place = `${scene.repository}:latest`
      const raw = await run('skopeo', ['inspect', '--tls-verify=false', '--raw', `docker://${place}`])
      expect(parseIndex(Buffer.from(raw.stdout)).manifests).toEqual(manifests)
      const skopeo = ['--override-os', 'linux', '--override-arch', 'arm', '--override-variant', 'v6']
      const found = await run('skopeo', [...skopeo, 'inspect', '--tls-verify=false', '--config', `docker://${place}`])
      expect(JSON.parse(found.stdout)).toMatchObject({ architecture: 'arm' })
    })
  })

  test('refuses an image that its index lists for another platform', async () => {
    const elsewhere = `oci:${join(scene.directory, 'elsewhere')}`
    const index = buildIndex([{ ...images.arm64.manifest.descriptor, platform: { ...arm64, architecture: 'amd64' } }])
    await pushSampleImage(scene.open(elsewhere), images.arm64)
    await scene.open(elsewhere).pushManifest(index)
    const merged = scene.merge({
      ...scene.inputs(),
      platforms: 'linux/arm64',
      records: [],
      sources: `linux/arm64=${elsewhere}@${index.descriptor.digest}`,
    })
    await expect(merged).rejects.toMatchObject({
      kind: 'verification',
      message: expect.stringMatching(
        /^linux\/arm64: .*is for linux\/arm64 by its config, for linux\/amd64 by its entry in an index$/,
      ),
    })
  })

  describe('of what a record says of the entry', () => {
    const mergeRecord = async (entry: DigestRecord['entry']): Promise<readonly Descriptor[]> => {
      const silent = sampleImage({ os: 'linux', architecture: 'arm' }, ['for arm/v6'])
      await scene.writeRecords(await scene.pushRecord(silent, armv6, { entry }))
      await scene.merge({ ...scene.inputs(), platforms: 'linux/arm/v6' })
      return (await scene.indexAt(scene.repository, 'latest')).manifests
    }

    test('keeps what an index says', async () => {
      const entry = { platform: armv6, artifactType: 'application/vnd.example', annotations: said }
      expect(await mergeRecord(entry)).toEqual([expect.objectContaining(entry)])
    })

    test('drops what makes it something else', async () => {
      const attested = { 'vnd.docker.reference.type': 'attestation', 'org.opencontainers.image.ref.name': 'latest' }
      const [child] = await mergeRecord({ platform: armv6, annotations: attested })
      expect(child?.annotations).toBeUndefined()
    })

    test('refuses another platform than the config’s', async () => {
      await expect(mergeRecord({ platform: arm64 })).rejects.toMatchObject({
        kind: 'verification',
        message: expect.stringMatching(/is for linux\/arm\/v7 by its config, for linux\/arm64 by its entry/),
      })
    })
  })
})
