// Merges images in a real registry, with skopeo as the judge of the index.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type DigestRecord, type Plan, parseMergeResult, sealPlan } from '@polyarch/documents'
import { buildIndex, formatPlatform, mediaTypes, type Platform, parseIndex } from '@polyarch/oci'
import {
  lacks,
  pushSampleImage,
  type RunningRegistry,
  type SampleImage,
  sampleImage,
  sampleManifest,
  startRegistry,
} from '@polyarch/parts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { amd64, arm64, attestationTo, images, type MergeScene, openMergeScene } from './testing/merge-scene.ts'

const run = promisify(execFile)

const armv7 = { os: 'linux', architecture: 'arm', variant: 'v7' }
const windows = { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.1', 'os.features': ['win32k'] }

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

  test('writes one index in the order asked for, then moves the tags, and says so', async () => {
    const [first, second] = await scene.pushBoth()
    const { digest, tags, index, result } = await scene.merge({
      ...scene.inputs(),
      annotations: 'org.opencontainers.image.title=Web',
    })
    expect(await scene.tagsOf()).toEqual({ '1.2.3': digest, latest: digest })
    expect(tags).toEqual([`${scene.repository}:1.2.3`, `${scene.repository}:latest`])
    const written = await scene.indexAt(scene.repository, 'latest')
    expect(index).toEqual(written)
    expect(written).toMatchObject({
      mediaType: mediaTypes.ociIndex,
      annotations: { 'org.opencontainers.image.title': 'Web' },
      manifests: [
        { digest: first.digest, mediaType: first.mediaType, size: first.size, platform: amd64 },
        { digest: second.digest, mediaType: second.mediaType, size: second.size, platform: arm64 },
      ],
    })
    const layersSize = images.arm64.layers.reduce((sum, { bytes }) => sum + bytes.length, 0)
    expect(result).toMatchObject({
      image: 'web',
      digest,
      platforms: [
        { platform: 'linux/amd64' },
        { platform: 'linux/arm64', digest: second.digest, layersSize, prebuilt: false },
      ],
      repositories: [
        {
          repository: scene.repository,
          tags: [
            { tag: '1.2.3', previous: null, status: 'created' },
            { tag: 'latest', previous: null, status: 'created' },
          ],
        },
      ],
    })
    const file = await readFile(join(scene.directory, '.polyarch/merge/web.json'), 'utf8')
    expect(parseMergeResult(file, 'web.json')).toEqual(result)
    expect(await readdir(join(scene.directory, '.polyarch/merge'))).toEqual(['web.json'])
    expect(scene.logged.join('\n')).toContain(`docker pull ${scene.repository}@${digest}`)
  })

  test('run again, it writes nothing and says that all is unchanged', async () => {
    await scene.pushBoth()
    const first = await scene.merge(scene.inputs())
    const mark = (await registry.requests()).length
    const again = await scene.merge(scene.inputs())
    expect(await scene.writesSince(mark)).toEqual([])
    expect(again.digest).toBe(first.digest)
    expect(again.result?.repositories[0]?.tags).toEqual(
      ['1.2.3', 'latest'].map((tag) => ({ tag, previous: first.digest, status: 'unchanged' })),
    )
  })

  test('moves the tags after everything else, in order, in every repository', async () => {
    await scene.pushBoth()
    const other = `${scene.repository}-mirror`
    const mark = (await registry.requests()).length
    const { digest } = await scene.merge({
      ...scene.inputs(),
      repository: [scene.repository, other],
      tags: '1,1.2,latest',
    })
    const writes = await scene.writesSince(mark)
    for (const name of [scene.repository, other]) {
      const path = `/v2/${name.slice(registry.host.length + 1)}`
      const puts = writes
        .filter((line) => line.startsWith(`PUT ${path}/manifests/`))
        .map((line) => line.split(/[/ ]/).at(-2))
      expect(puts.slice(-4)).toEqual([digest, '1', '1.2', 'latest'])
      expect(await scene.tagsOf(name)).toEqual({ '1': digest, '1.2': digest, latest: digest })
    }
    const firstTag = writes.findIndex((line) => / \S+\/manifests\/1 /.test(line))
    expect(writes.slice(firstTag).every((line) => /\/manifests\/(?:1|1\.2|latest) /.test(line))).toBe(true)
    const uploads = writes.filter((line) => line.includes('-mirror/blobs/uploads'))
    expect(uploads.length).toBeGreaterThan(0)
    for (const upload of uploads) expect(upload).toMatch(/^POST .*mount=.* 201$/)
  })

  test('makes a repository that does not exist yet, also where only who may push can look there', async () => {
    await using guarded = await startRegistry({ auth: 'token', hidesNew: true })
    await using inside = await openMergeScene(guarded)
    await inside.pushBoth()
    const mirror = `${inside.repository}-mirror`
    const { digest } = await inside.merge({ ...inside.inputs(), repository: [inside.repository, mirror] })
    expect(await inside.tagsOf(mirror)).toEqual({ '1.2.3': digest, latest: digest })
  })

  test('takes a layer that platforms share to another repository once', async () => {
    const shared = Array.from({ length: 4 }, () => randomBytes(20_000))
    const platforms = ['amd64', 'arm64', 's390x', 'ppc64le', 'riscv64', '386'].map((architecture) => ({
      os: 'linux',
      architecture,
    }))
    const records: DigestRecord[] = []
    for (const platform of platforms) records.push(await scene.pushRecord(sampleImage(platform, shared), platform))
    await scene.writeRecords(...records)
    const other = `${scene.repository}-mirror`
    await scene.merge({
      ...scene.inputs(),
      repository: [scene.repository, other],
      platforms: platforms.map(formatPlatform),
    })
    const mounts = (await registry.requests()).filter(
      (line) => line.includes('-mirror/blobs/uploads') && line.includes('mount='),
    )
    const distinct = shared.length + platforms.length
    expect(mounts.filter((line) => line.includes(scene.repository.slice(registry.host.length)))).toHaveLength(distinct)
  })

  test('moves a tag that points elsewhere, and remembers where', async () => {
    await scene.pushBoth()
    const before = await scene.pushRecord(sampleImage(amd64, ['an older release']), amd64)
    await pushSampleImage(scene.open(scene.repository), sampleImage(amd64, ['an older release']), 'latest')
    const { digest, result } = await scene.merge(scene.inputs())
    expect(await scene.tagsOf()).toEqual({ '1.2.3': digest, latest: digest })
    expect(result?.repositories[0]?.tags[1]).toEqual({ tag: 'latest', previous: before.digest, status: 'moved' })
  })

  test('works on layouts on disk alone', async () => {
    scene.repository = 'oci:images/web'
    await scene.pushBoth()
    const { digest } = await scene.merge({ ...scene.inputs(), repository: [scene.repository, 'oci:images/copy'] })
    for (const location of [scene.repository, 'oci:images/copy']) {
      expect(await scene.tagsOf(location)).toEqual({ '1.2.3': digest, latest: digest })
      expect((await scene.indexAt(location, 'latest')).manifests).toHaveLength(2)
    }
  })

  test.skipIf(lacks('skopeo'))('skopeo agrees, and finds the image of each platform', async () => {
    await scene.pushBoth()
    const { digest } = await scene.merge(scene.inputs())
    const raw = await run('skopeo', ['inspect', '--tls-verify=false', '--raw', `docker://${scene.repository}:latest`])
    expect(parseIndex(Buffer.from(raw.stdout)).manifests.map(({ platform }) => platform)).toEqual([amd64, arm64])
    for (const [architecture, image] of Object.entries(images)) {
      const target = join(scene.directory, architecture)
      const source = `docker://${scene.repository}@${digest}`
      await run('skopeo', ['copy', '--src-tls-verify=false', '--override-arch', architecture, source, `dir:${target}`])
      expect(await readFile(join(target, 'manifest.json'), 'utf8')).toBe(new TextDecoder().decode(image.manifest.bytes))
    }
  })

  test('keeps variant, os.version and os.features of each platform', async () => {
    await scene.writeRecords(
      await scene.pushRecord(sampleImage(armv7), armv7),
      await scene.pushRecord(sampleImage(windows), windows),
    )
    const { digest } = await scene.merge({ ...scene.inputs(), platforms: 'linux/arm/v7,windows/amd64' })
    const { manifests } = await scene.indexAt(scene.repository, digest!)
    expect(manifests.map(({ platform }) => platform)).toEqual([armv7, windows])
  })

  describe('of docker images', () => {
    const dockerImage = (platform: Platform): SampleImage => {
      const image = sampleImage(platform)
      const config = { ...image.config, descriptor: { ...image.config.descriptor, mediaType: mediaTypes.dockerConfig } }
      const layers = image.layers.map((layer) => ({
        ...layer,
        descriptor: { ...layer.descriptor, mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip' },
      }))
      const content = { schemaVersion: 2, mediaType: mediaTypes.dockerManifest, config: config.descriptor }
      const manifest = sampleManifest({ ...content, layers: layers.map((layer) => layer.descriptor) } as never)
      return { manifest, config, layers }
    }

    test('alone, the index is docker’s list', async () => {
      await scene.writeRecords(
        await scene.pushRecord(dockerImage(amd64), amd64),
        await scene.pushRecord(dockerImage(arm64), arm64),
      )
      const { result } = await scene.merge(scene.inputs())
      expect(result?.mediaType).toBe(mediaTypes.dockerList)
      const index = await scene.indexAt(scene.repository, 'latest')
      expect(index.mediaType).toBe(mediaTypes.dockerList)
      expect(index.manifests.map(({ mediaType }) => mediaType)).toEqual(Array(2).fill(mediaTypes.dockerManifest))
    })

    test('beside OCI images, the index is OCI’s, and that is said', async () => {
      await scene.writeRecords(
        await scene.pushRecord(dockerImage(amd64), amd64),
        await scene.pushRecord(images.arm64, arm64),
      )
      expect((await scene.merge(scene.inputs())).result?.mediaType).toBe(mediaTypes.ociIndex)
      expect(scene.logged).toContainEqual(expect.stringMatching(/some images are docker's and some OCI's/))
    })
  })

  describe('attestations', () => {
    const attestation = attestationTo(images.amd64)
    const pushAttested = async () => {
      await pushSampleImage(scene.open(scene.repository), attestation)
      const attestations = [{ ...attestation.manifest.descriptor }] as unknown as DigestRecord['attestations']
      await scene.writeRecords(
        await scene.pushRecord(images.amd64, amd64, { attestations }),
        await scene.pushRecord(images.arm64, arm64),
      )
    }

    test('come after the images, in every repository', async () => {
      await pushAttested()
      const other = `${scene.repository}-mirror`
      await scene.merge({ ...scene.inputs(), repository: [scene.repository, other] })
      for (const name of [scene.repository, other]) {
        const { manifests } = await scene.indexAt(name, 'latest')
        expect(manifests).toHaveLength(3)
        expect(manifests[2]).toEqual(attestation.manifest.descriptor)
        expect((await scene.open(name).getManifest(attestation.manifest.descriptor.digest)).bytes).toHaveLength(
          attestation.manifest.bytes.length,
        )
      }
    })

    test('are dropped on request', async () => {
      await pushAttested()
      await scene.merge({ ...scene.inputs(), attestations: 'drop' })
      expect((await scene.indexAt(scene.repository, 'latest')).manifests).toHaveLength(2)
    })
  })

  describe('platforms that were built elsewhere', () => {
    test('are copied from their repository', async () => {
      const elsewhere = `${scene.repository}-elsewhere`
      await pushSampleImage(scene.open(elsewhere), images.arm64)
      await scene.writeRecords(await scene.pushRecord(images.amd64, amd64))
      const { digest } = images.arm64.manifest.descriptor
      const other = `${scene.repository}-mirror`
      const { result } = await scene.merge({
        ...scene.inputs(),
        repository: [scene.repository, other],
        sources: `linux/arm64=${elsewhere}@${digest}`,
      })
      expect(result?.platforms[1]).toMatchObject({ platform: 'linux/arm64', digest, prebuilt: true })
      for (const name of [scene.repository, other])
        expect((await scene.open(name).resolveManifest(digest)).digest).toBe(digest)
    })

    test('may be an index, of which the platform’s image and its attestations are taken', async () => {
      const elsewhere = `oci:${join(scene.directory, 'elsewhere')}`
      const attestation = attestationTo(images.arm64)
      const inner = buildIndex([images.arm64.manifest.descriptor, attestation.manifest.descriptor])
      const outer = buildIndex([inner.descriptor, images.amd64.manifest.descriptor])
      for (const image of [images.amd64, images.arm64, attestation]) await pushSampleImage(scene.open(elsewhere), image)
      await scene.open(elsewhere).pushManifest(inner)
      await scene.open(elsewhere).pushManifest(outer)
      await scene.writeRecords(await scene.pushRecord(images.amd64, amd64))
      await scene.merge({ ...scene.inputs(), sources: `linux/arm64=${elsewhere}@${outer.descriptor.digest}` })
      const { manifests } = await scene.indexAt(scene.repository, 'latest')
      expect(manifests.map((manifest) => manifest.digest)).toEqual(
        [images.amd64, images.arm64, attestation].map((image) => image.manifest.descriptor.digest),
      )
    })
  })

  test('policy same lets a merge run again', async () => {
    await scene.pushBoth()
    const first = await scene.merge({ ...scene.inputs(), overwrite: 'same' })
    expect((await scene.merge({ ...scene.inputs(), overwrite: 'same' })).digest).toBe(first.digest)
    await expect(scene.merge({ ...scene.inputs(), overwrite: 'never' })).rejects.toMatchObject({ kind: 'policy' })
  })

  test('goes without a platform only where that is allowed, and says so', async () => {
    await scene.writeRecords(await scene.pushRecord(images.amd64, amd64))
    const { result } = await scene.merge({ ...scene.inputs(), 'on-missing': 'allow' })
    expect(result?.platforms.map(({ platform }) => platform)).toEqual(['linux/amd64'])
    expect(scene.logged.join('\n')).toMatch(/goes without linux\/arm64/)
  })

  describe('with a plan', () => {
    const planOf = (skipped: Plan['skipped'] = []): Plan =>
      sealPlan({
        source: { repository: null, revision: null, created: null },
        images:
          skipped.length > 0
            ? []
            : [
                {
                  id: 'web',
                  repositories: [scene.repository],
                  tags: ['2.0', 'latest'],
                  platforms: ['linux/amd64', 'linux/arm64'],
                  labels: {},
                  annotations: {},
                  build: null,
                  prebuilt: {},
                  needs: [],
                },
              ],
        legs:
          skipped.length > 0
            ? []
            : ['linux/amd64', 'linux/arm64'].map((platform) => ({
                id: `web.${platform.replace('/', '-')}`,
                image: 'web',
                platform,
                engine: 'kaniko',
                runner: 'ubuntu-24.04',
                native: true,
              })),
        skipped,
      })

    test('the plan says what there is to be', async () => {
      const plan = planOf()
      const leg = (platform: string) => ({ plan: plan.id, leg: `web.linux-${platform}` })
      await scene.writeRecords(
        await scene.pushRecord(images.amd64, amd64, leg('amd64')),
        await scene.pushRecord(images.arm64, arm64, leg('arm64')),
      )
      const { digest, result } = await scene.merge({
        plan: JSON.stringify(plan),
        records: 'records',
        result: 'out/web.merge.json',
      })
      expect(result).toMatchObject({ plan: plan.id, image: 'web', digest })
      expect(await scene.tagsOf()).toEqual({ '2.0': digest, latest: digest })
      expect(await readdir(join(scene.directory, 'out'))).toEqual(['web.merge.json'])
    })

    test('records that were pushed without it are refused', async () => {
      await scene.pushBoth()
      await expect(scene.merge({ plan: JSON.stringify(planOf()), records: 'records' })).rejects.toMatchObject({
        kind: 'verification',
        message: expect.stringMatching(/pushed without a plan/),
      })
    })

    test('a changed plan is refused', async () => {
      const plan = { ...planOf(), skipped: [{ image: 'api', reason: 'x' }] }
      await expect(scene.merge({ plan: JSON.stringify(plan) })).rejects.toMatchObject({ kind: 'verification' })
    })

    test('a skipped image is nothing to do', async () => {
      const plan = JSON.stringify(planOf([{ image: 'web', reason: 'unchanged since 1a2b3c4' }]))
      for (const raw of [{ plan, image: 'web' }, { plan }]) {
        expect(await scene.merge(raw)).toEqual({ tags: [] })
        expect(scene.logged.at(-1)).toMatch(/^nothing to merge: /)
      }
    })
  })
})
