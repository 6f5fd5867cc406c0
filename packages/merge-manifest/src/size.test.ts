// Merges of one image and of a thousand, into several repositories and registries.
import type { DigestRecord } from '@polyarch/documents'
import { digestOf, forEachParallel, mediaTypes, parsePlatform } from '@polyarch/oci'
import {
  lacks,
  pushSampleImage,
  type RunningRegistry,
  type SampleImage,
  sampleImage,
  startLatencyProxy,
  startRegistry,
} from '@polyarch/parts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { planMerge } from './plan.ts'
import { attestationTo, type MergeScene, openMergeScene } from './testing/merge-scene.ts'

/** Forty platforms: no more is known by any name, so that a thousand children are images with their attestations. */
const platforms = [
  ['386', 'amd64', 'amd64/v2', 'amd64/v3', 'amd64/v4', 'arm/v5', 'arm/v6', 'arm/v7', 'arm/v8', 'arm64'],
  Array.from({ length: 9 }, (_, minor) => `arm64/v8.${minor + 1}`),
  ['arm64/v9', 'arm64/v9.1', 'arm64/v9.2', 'arm64/v9.3', 'arm64/v9.4', 'arm64/v9.5'],
  ['loong64', 'mips', 'mips64', 'mips64le', 'mipsle', 'ppc64le', 'riscv64', 's390x'],
]
  .flatMap((names) => names.map((name) => `linux/${name}`))
  .concat(['386', 'amd64', 'arm64'].map((name) => `windows/${name}`))
  .concat(['386', 'amd64', 'arm64', 'riscv64'].map((name) => `freebsd/${name}`))

const layer = 'the layer of all of them'

describe.skipIf(lacks('docker-registry'))('an index', () => {
  let registry: RunningRegistry
  let another: RunningRegistry
  let scene: MergeScene

  beforeAll(async () => {
    registry = await startRegistry()
    another = await startRegistry()
  })
  afterAll(async () => {
    await registry.stop()
    await another.stop()
  })
  beforeEach(async () => {
    scene = await openMergeScene(registry)
  })
  afterEach(() => scene[Symbol.asyncDispose]())

  /** Pushes an image with attestations for each platform, all with the same layer, and writes the records. */
  const pushAll = async (chosen: readonly string[], attestations = 0): Promise<SampleImage[]> => {
    const store = scene.open(scene.repository)
    const records = new Map<string, DigestRecord>()
    const pushed = new Map<string, readonly SampleImage[]>()
    await forEachParallel(chosen, 8, async (platform) => {
      const image = sampleImage(parsePlatform(platform), [layer])
      const attesting = Array.from({ length: attestations }, (_, number) => attestationTo(image, `statement ${number}`))
      for (const sample of [image, ...attesting.slice(0, 1)]) await pushSampleImage(store, sample)
      // They differ in their manifests only.
      for (const { manifest } of attesting) await store.pushManifest(manifest)
      pushed.set(platform, [image, ...attesting])
      const { mediaType, digest, size } = image.manifest.descriptor
      records.set(platform, {
        schema: 'polyarch.digest/v1',
        plan: null,
        leg: null,
        image: 'web',
        platform,
        repository: scene.repository,
        digest,
        mediaType,
        size,
        configDigest: image.config.descriptor.digest,
        attestations: attesting.map(({ manifest }) => ({ ...manifest.descriptor, platform: undefined })) as never,
        engine: null,
        run: null,
      })
    })
    await scene.writeRecords(...records.values())
    const inOrder = chosen.map((platform) => pushed.get(platform) ?? [])
    return [...inOrder.flatMap(([image]) => image ?? []), ...inOrder.flatMap(([, ...others]) => others)]
  }

  test.each([
    [1, 1, 0],
    [2, 2, 0],
    [40, 40, 0],
    [1000, 40, 24],
  ])(
    'of %i children is in every repository of every registry',
    { timeout: 240_000 },
    async (count, images, attestations) => {
      const chosen = platforms.slice(0, images)
      const children = await pushAll(chosen, attestations)
      expect(children).toHaveLength(count)
      const repositories = [scene.repository, `${scene.repository}-other`, `${another.host}/far/web`]
      const { digest } = await scene.merge({
        ...scene.inputs(),
        repository: repositories,
        platforms: chosen,
        tags: `c${count},latest`,
      })
      const expected = children.map(({ manifest }) => manifest.descriptor.digest)
      for (const repository of repositories) {
        expect(await scene.tagsOf(repository)).toMatchObject({ [`c${count}`]: digest, latest: digest })
        const { manifests } = await scene.indexAt(repository, 'latest')
        expect(manifests.map((child) => child.digest)).toEqual(expected)
        const store = scene.open(repository)
        // The registries refuse an index without its children: what is read back is that they mean it.
        await forEachParallel(children.slice(0, images), 32, async ({ manifest, config }) => {
          expect((await store.resolveManifest(manifest.descriptor.digest)).size).toBe(manifest.bytes.length)
          expect(await store.resolveBlob(config.descriptor.digest)).toBe(config.bytes.length)
        })
      }
    },
  )

  test('grows wider with its children, not as many times deeper', async () => {
    const rounds: number[] = []
    for (const count of [4, 40]) {
      await using far = await startLatencyProxy({ target: registry.host, roundTripMs: 20 })
      const path = scene.repository.slice(registry.host.length)
      const chosen = platforms.slice(0, count)
      // The records name the repository by the address that the merge uses.
      const [near, repository] = [scene.repository, `${far.host}${path}`]
      scene.repository = repository
      await pushAll(chosen)
      far.forget()
      await scene.merge({
        ...scene.inputs(),
        repository: [repository, `${repository}-other${count}`],
        platforms: chosen,
        tags: `t${count}`,
      })
      scene.repository = near
      // The longest row of requests of which each began after the one before had ended.
      let [depth, endedAt] = [0, 0]
      for (const exchange of far.traffic().exchanges.toSorted((a, b) => a.endedAt - b.endedAt)) {
        if (exchange.startedAt < endedAt) continue
        depth += 1
        endedAt = exchange.endedAt
      }
      rounds.push(depth)
    }
    // How many requests go side by side depends on how busy this machine is.
    const [few = 0, many = 0] = rounds
    expect(few).toBeLessThanOrEqual(10)
    expect(many).toBeLessThan(4 * few)
  })
})

test('a plan of many platforms is checked in one pass', () => {
  const many = Array.from({ length: 20_000 }, (_, number) => `linux/cpu${number}`)
  const request = {
    plan: null,
    image: 'web',
    siblings: [],
    repositories: ['registry.example/web'] as const,
    platforms: many,
    legs: {},
    tags: ['latest'],
    annotations: {},
    prebuilt: {},
    onMissing: 'fail' as const,
    requiredPlatforms: [],
  }
  const found = many.map((platform) => ({
    place: `${platform}.json`,
    record: {
      schema: 'polyarch.digest/v1' as const,
      plan: null,
      leg: null,
      image: 'web',
      platform,
      repository: 'registry.example/web',
      digest: digestOf(Buffer.from(platform)),
      mediaType: mediaTypes.ociManifest,
      size: 2,
      configDigest: digestOf(Buffer.from('{}')),
      attestations: [],
      engine: null,
      run: null,
    },
  }))
  expect(planMerge(request, found).children.map((child) => child.platform)).toEqual(many)
})
