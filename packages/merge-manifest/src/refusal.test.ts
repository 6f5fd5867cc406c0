// What a merge refuses: the tags stay where they were, and nothing is written.
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RawInputs } from '@polyarch/ci-host'
import type { DigestRecord } from '@polyarch/documents'
import { type Descriptor, digestOf, mediaTypes } from '@polyarch/oci'
import { lacks, pushSampleImage, type RunningRegistry, sampleImage, startRegistry } from '@polyarch/parts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { amd64, arm64, attestationTo, images, type MergeScene, openMergeScene } from './testing/merge-scene.ts'

describe.skipIf(lacks('docker-registry'))('merge-manifest changes no tag when it refuses', () => {
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

  const older = sampleImage(amd64, ['an older release'])
  let before: Record<string, string>

  beforeEach(async () => {
    await pushSampleImage(scene.open(scene.repository), older, 'latest')
    before = await scene.tagsOf()
  })
  const expectRefusal = async (raw: RawInputs, kind: string, message: RegExp): Promise<void> => {
    const mark = (await registry.requests()).length
    const result = join(scene.directory, '.polyarch/merge')
    await mkdir(result, { recursive: true })
    await writeFile(join(result, 'web.json'), 'of an earlier merge')
    await expect(scene.merge(raw)).rejects.toMatchObject({ kind, message: expect.stringMatching(message) })
    expect(await scene.tagsOf()).toEqual(before)
    expect(await scene.writesSince(mark)).toEqual([])
  }
  const withArm = async (changes: Partial<DigestRecord>) => {
    const [first, second] = await scene.pushBoth()
    await scene.writeRecords(first, { ...second, ...changes })
  }

  test('a missing platform', async () => {
    await scene.writeRecords(await scene.pushRecord(images.amd64, amd64))
    await expectRefusal(scene.inputs(), 'verification', /no record for linux\/arm64/)
  })

  test('an extra platform', async () => {
    await scene.pushBoth()
    await expectRefusal(
      { ...scene.inputs(), platforms: 'linux/amd64' },
      'verification',
      /linux\/arm64, which is not among linux\/amd64/,
    )
  })

  test('a record whose image is for another platform than it says', async () => {
    await withArm({ ...(await scene.pushRecord(sampleImage({ os: 'linux', architecture: 's390x' }), arm64)) })
    await expectRefusal(scene.inputs(), 'verification', /is for linux\/s390x, not for linux\/arm64/)
  })

  test('an image whose config has a platform that no registry takes into an index', async () => {
    const broken = sampleImage({ ...arm64, 'os.features': 'win32k' } as never)
    await withArm(await scene.pushRecord(broken, arm64))
    await expectRefusal(scene.inputs(), 'verification', /^linux\/arm64: .*config: os\.features is not a list of texts$/)
  })

  test.each<[string, Partial<DigestRecord>, RegExp]>([
    ['size', { size: 7 }, /has \d+ bytes: its descriptor says 7/],
    [
      'media type',
      { mediaType: mediaTypes.dockerManifest },
      /is application\/vnd\.oci\.image\.manifest.*says application\/vnd\.docker/,
    ],
    ['config', { configDigest: images.amd64.config.descriptor.digest }, /has the config sha256:.*: its record says/],
    [
      'config that is nowhere',
      { configDigest: digestOf(Buffer.from('nothing')) },
      /has the config .*: its record says/,
    ],
  ])('a record with a wrong %s', async (_, changes, message) => {
    await withArm(changes)
    await expectRefusal(scene.inputs(), 'verification', message)
  })

  test('an image that the registry does not have any more', async () => {
    await withArm({})
    await scene.open(scene.repository).deleteManifest(images.arm64.manifest.descriptor.digest)
    await expectRefusal(scene.inputs(), 'verification', /linux\/arm64: the image is not there \(any more\)/)
  })

  test('an attestation to another image', async () => {
    const stray = attestationTo(images.amd64)
    await pushSampleImage(scene.open(scene.repository), stray)
    const descriptor: Descriptor = stray.manifest.descriptor
    await withArm({ attestations: [{ ...descriptor }] as unknown as DigestRecord['attestations'] })
    await expectRefusal(scene.inputs(), 'verification', /is no attestation to/)
  })

  test('an attestation whose entry was made up', async () => {
    const attestation = attestationTo(images.arm64)
    await pushSampleImage(scene.open(scene.repository), attestation)
    const { annotations, ...descriptor } = attestation.manifest.descriptor
    const entry = { ...descriptor, annotations: { ...annotations, note: { not: 'text' } } }
    await withArm({ attestations: [entry] })
    await expectRefusal(scene.inputs(), 'verification', /is no attestation to/)
  })

  test('all problems with the images at once', async () => {
    const [first, second] = await scene.pushBoth()
    await scene.writeRecords({ ...first, size: 7 }, { ...second, size: 8 })
    await expectRefusal(scene.inputs(), 'verification', /says 7; .*says 8/)
  })

  test('a record that was cut short', async () => {
    await writeFile(join(scene.directory, 'broken.json'), '{"schema":"polyarch.digest/v1"')
    await expectRefusal({ ...scene.inputs(), records: 'broken.json' }, 'input', /broken\.json: not JSON/)
  })

  test('a tag against its policy, in any repository', async () => {
    await scene.pushBoth()
    const other = `${scene.repository}-mirror`
    await pushSampleImage(scene.open(other), older, '1.2.3')
    const raw = {
      ...scene.inputs(),
      repository: [other.replace('-mirror', ''), other],
      overwrite: '1.*=never,latest=same',
    }
    await expectRefusal(
      raw,
      'policy',
      /web:latest is sha256:.*overwrite: same.*-mirror:1\.2\.3 is sha256:.*overwrite: never/,
    )
    expect(await scene.tagsOf(other)).toEqual({ '1.2.3': older.manifest.descriptor.digest })
  })

  test('a docker list of OCI images', async () => {
    await scene.pushBoth()
    await expectRefusal({ ...scene.inputs(), 'media-type': 'docker' }, 'input', /a docker list cannot hold/)
  })

  test('a dry run refuses nothing, shows what would be, and writes nothing', async () => {
    await scene.pushBoth()
    const mark = (await registry.requests()).length
    const { digest, result } = await scene.merge({ ...scene.inputs(), 'dry-run': 'true' })
    expect(result?.repositories[0]?.tags).toEqual([
      { tag: '1.2.3', previous: null, status: 'created' },
      { tag: 'latest', previous: before['latest'], status: 'moved' },
    ])
    expect(scene.logged.join('\n')).toMatch(/dry run, nothing is written/)
    expect(await scene.writesSince(mark)).toEqual([])
    expect(await scene.tagsOf()).toEqual(before)
    expect(await readdir(scene.directory)).toEqual(['records'])
    expect((await scene.merge(scene.inputs())).digest).toBe(digest)
  })

  test('with wrong credentials it fails as not allowed, and the password is not told', async () => {
    await using guarded = await startRegistry({ auth: 'htpasswd' })
    await scene.writeRecords({ ...(await scene.pushRecord(images.amd64, amd64)), repository: `${guarded.host}/web` })
    const refusal = scene.merge({
      ...scene.inputs(),
      repository: `${guarded.host}/web`,
      platforms: 'linux/amd64',
      'registry-auth': `${guarded.host}=polyarch:wrong-password`,
    })
    await expect(refusal).rejects.toMatchObject({ kind: 'denied', message: expect.stringContaining(guarded.host) })
    await expect(refusal).rejects.toMatchObject({ message: expect.not.stringContaining('wrong-password') })
  })
})
