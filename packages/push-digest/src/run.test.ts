// Pushes layouts to a real registry, with skopeo as the judge of what arrived.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { type Log, openHost, parseInputs, type RawInputs } from '@polyarch/ci-host'
import { parseDigestRecord, sealPlan } from '@polyarch/documents'
import { openLayout } from '@polyarch/layout'
import { buildIndex, type Descriptor, hexOf } from '@polyarch/oci'
import {
  lacks,
  pushSampleImage,
  type RunningRegistry,
  type SampleImage,
  sampleImage,
  startRegistry,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@polyarch/parts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { step } from './step.ts'

const run = promisify(execFile)

const amd64 = { os: 'linux', architecture: 'amd64' }
const arm64 = { os: 'linux', architecture: 'arm64' }

const attestationTo = (image: SampleImage): SampleImage => {
  const sample = sampleImage({ os: 'unknown', architecture: 'unknown' }, [
    `provenance of ${image.config.descriptor.digest}`,
  ])
  const annotations = {
    'vnd.docker.reference.type': 'attestation-manifest',
    'vnd.docker.reference.digest': image.manifest.descriptor.digest,
  }
  return { ...sample, manifest: { ...sample.manifest, descriptor: { ...sample.manifest.descriptor, annotations } } }
}

const blobFile = (layout: string, { digest }: Descriptor): string => join(layout, 'blobs/sha256', hexOf(digest))

/** What the step under test logs, instead of on stderr. */
const logged: string[] = []
const keep = (message: string) => void logged.push(message)
const log: Log = { debug: keep, info: keep, warning: keep, error: keep, group: (_, work) => work() }

const push = (directory: string, raw: RawInputs) =>
  step.run(parseInputs(step, raw), Object.assign(Object.create(openHost({}, directory)), { log }))

const exists = async (path: string): Promise<boolean> =>
  (await readdir(dirname(path)).catch(() => [] as string[])).includes(path.slice(dirname(path).length + 1))

describe.skipIf(lacks('docker-registry'))('push-digest', () => {
  let registry: RunningRegistry
  let directory: TemporaryDirectory
  let layout: string
  let repository: string
  let raw: RawInputs
  const record = () => join(directory.path, 'records/web.json')

  beforeAll(async () => {
    registry = await startRegistry()
  })
  afterAll(() => registry.stop())
  beforeEach(async () => {
    directory = await temporaryDirectory()
    layout = join(directory.path, 'layout')
    repository = `${registry.host}/push/${randomBytes(6).toString('hex')}`
    raw = { layout: 'layout', repository, platform: 'linux/amd64', record: 'records/web.json' }
  })
  afterEach(() => directory[Symbol.asyncDispose]())

  const tags = async (name = repository): Promise<unknown> => {
    const answer = await fetch(`http://${registry.host}/v2/${name.slice(registry.host.length + 1)}/tags/list`)
    return answer.status === 404 ? undefined : ((await answer.json()) as { tags: unknown }).tags
  }
  const manifestStatus = async (digest: string, name = repository): Promise<number> => {
    const url = `http://${registry.host}/v2/${name.slice(registry.host.length + 1)}/manifests/${digest}`
    const answer = await fetch(url, { headers: { accept: 'application/vnd.oci.image.manifest.v1+json' } })
    await answer.body?.cancel()
    return answer.status
  }
  /** What the registry was asked for about this test's repositories since the mark. */
  const requestsSince = async (mark: number) =>
    (await registry.requests()).slice(mark).filter((line) => line.includes(repository.slice(registry.host.length)))

  test('uploads the image under its digest, without a tag, and writes down where it is', async () => {
    const image = sampleImage(amd64, [randomBytes(300_000), 'second layer'])
    const { digest, mediaType, size } = image.manifest.descriptor
    await pushSampleImage(openLayout(layout), image)
    const outputs = await push(directory.path, { ...raw, engine: 'kaniko@1.28.3' })
    expect(outputs.digest).toBe(digest)
    expect(outputs.record).toEqual({
      schema: 'polyarch.digest/v1',
      plan: null,
      leg: null,
      image: repository.split('/').at(-1),
      platform: 'linux/amd64',
      repository,
      digest,
      mediaType,
      size,
      configDigest: image.config.descriptor.digest,
      attestations: [],
      engine: { name: 'kaniko', version: '1.28.3' },
      run: null,
    })
    expect(parseDigestRecord(await readFile(record(), 'utf8'), 'web.json')).toEqual(outputs.record)
    expect(await readdir(join(directory.path, 'records'))).toEqual(['web.json'])
    expect(await manifestStatus(digest)).toBe(200)
    expect(await tags()).toBeUndefined()
  })

  test.skipIf(lacks('skopeo'))('skopeo gets the same bytes', async () => {
    const image = sampleImage(amd64, [randomBytes(100_000)])
    await pushSampleImage(openLayout(layout), image)
    const { digest } = await push(directory.path, raw)
    const reference = `docker://${repository}@${digest}`
    const { stdout } = await run('skopeo', ['inspect', '--tls-verify=false', '--raw', reference])
    expect(stdout).toBe(new TextDecoder().decode(image.manifest.bytes))
    const copied = join(directory.path, 'copied')
    await mkdir(copied)
    await run('skopeo', ['copy', '--src-tls-verify=false', reference, `dir:${copied}`])
    const layer = image.layers[0]!
    expect((await readFile(join(copied, hexOf(layer.descriptor.digest)))).equals(layer.bytes)).toBe(true)
  })

  test('asks once about an image that is there already', async () => {
    await pushSampleImage(openLayout(layout), sampleImage(amd64))
    const first = await push(directory.path, raw)
    const mark = (await registry.requests()).length
    expect(await push(directory.path, raw)).toEqual(first)
    expect(await requestsSince(mark)).toEqual([expect.stringMatching(/^HEAD .* 200$/)])
  })

  test('gives all repositories the same digest, and mounts what the first one has', async () => {
    const image = sampleImage(amd64, [randomBytes(200_000), 'second layer'])
    await pushSampleImage(openLayout(layout), image)
    const others = [`${repository}-b`, `${repository}-c`]
    const { digest } = await push(directory.path, { ...raw, repository: [repository, ...others] })
    for (const name of others) {
      expect(await manifestStatus(digest, name)).toBe(200)
      const uploads = (await registry.requests()).filter((line) =>
        line.includes(`${name.slice(registry.host.length)}/blobs/uploads`),
      )
      expect(uploads.length).toBeGreaterThan(0)
      for (const upload of uploads) expect(upload).toMatch(/^POST .*mount=sha256.* 201$/)
    }
  })

  test('pushes legs side by side that share their layers', async () => {
    const shared = Array.from({ length: 4 }, () => randomBytes(20_000))
    const legs = Array.from({ length: 8 }, (_, position) => ({ os: 'linux', architecture: 'amd64', position }))
    const pushed = legs.map(async (platform) => {
      const name = `layout-${platform.position}`
      await pushSampleImage(openLayout(join(directory.path, name)), sampleImage(platform, shared))
      return await push(directory.path, { ...raw, layout: name, record: `records/${name}.json` })
    })
    for (const { digest } of await Promise.all(pushed)) expect(await manifestStatus(digest)).toBe(200)
  })

  test('pushes to a layout directory too', async () => {
    const image = sampleImage(amd64)
    await pushSampleImage(openLayout(layout), image)
    const { digest, record } = await push(directory.path, { ...raw, repository: 'oci:store/web' })
    expect(record).toMatchObject({ image: 'web', repository: 'oci:store/web' })
    const { bytes } = await openLayout(join(directory.path, 'store/web')).getManifest(digest)
    expect(Buffer.from(bytes).equals(image.manifest.bytes)).toBe(true)
    expect(await openLayout(join(directory.path, 'store/web')).listTags()).toEqual([])
  })

  test('takes BuildKit’s attestations along', async () => {
    const image = sampleImage(amd64)
    const attestation = attestationTo(image)
    const store = openLayout(layout)
    await pushSampleImage(store, image)
    await pushSampleImage(store, attestation)
    await store.pushManifest(buildIndex([image.manifest.descriptor, attestation.manifest.descriptor]), 'latest')
    const { digest, record } = await push(directory.path, raw)
    expect(digest).toBe(image.manifest.descriptor.digest)
    expect(record.attestations).toEqual([attestation.manifest.descriptor])
    expect(await manifestStatus(attestation.manifest.descriptor.digest)).toBe(200)
  })

  test('takes everything from a plan’s leg', async () => {
    await pushSampleImage(openLayout(layout), sampleImage(arm64))
    const plan = sealPlan({
      source: { repository: null, revision: null, created: null },
      images: [
        {
          id: 'web',
          repositories: [repository],
          tags: ['latest'],
          platforms: ['linux/arm64'],
          labels: {},
          annotations: {},
          build: null,
          prebuilt: {},
          needs: [],
        },
      ],
      legs: [
        { id: 'web.linux-arm64', image: 'web', platform: 'linux/arm64', engine: 'kaniko', runner: 'x', native: true },
      ],
      skipped: [],
    })
    const { record } = await push(directory.path, { layout, plan: JSON.stringify(plan), leg: 'web.linux-arm64' })
    expect(record).toMatchObject({
      plan: plan.id,
      leg: 'web.linux-arm64',
      image: 'web',
      platform: 'linux/arm64',
      repository,
    })
    const written = await readFile(join(directory.path, '.polyarch/records/web.linux-arm64.json'), 'utf8')
    expect(parseDigestRecord(written, 'record')).toEqual(record)
  })

  describe('refuses, and leaves no record, not even an old one:', () => {
    const image = sampleImage(amd64, [randomBytes(50_000), 'second layer'])
    const layer = image.layers[0]!.descriptor

    const expectRefusal = async (changes: RawInputs, kind: string, message: RegExp): Promise<void> => {
      await mkdir(dirname(record()), { recursive: true })
      await writeFile(record(), 'of an earlier push')
      const refusal = push(directory.path, { ...raw, ...changes })
      await expect(refusal).rejects.toMatchObject({ kind, message: expect.stringMatching(message) })
      expect(await exists(record())).toBe(false)
    }
    const expectNothingPushed = async () => {
      expect(await manifestStatus(image.manifest.descriptor.digest)).toBe(404)
      expect(await tags()).toBeUndefined()
    }
    beforeEach(() => pushSampleImage(openLayout(layout), image))

    test('another platform', async () => {
      const before = (await registry.requests()).length
      await expectRefusal(
        { platform: 'linux/arm64' },
        'verification',
        /layout holds an image for linux\/amd64, not for linux\/arm64/,
      )
      expect(await requestsSince(before)).toEqual([])
    })

    test('a missing layer', async () => {
      await rm(blobFile(layout, layer))
      await expectRefusal({}, 'verification', new RegExp(`blobs/sha256/${hexOf(layer.digest)} is missing`))
      await expectNothingPushed()
    })

    test('a layer cut short', async () => {
      await truncate(blobFile(layout, layer), 100)
      await expectRefusal({}, 'verification', new RegExp(`${hexOf(layer.digest)} has 100 bytes: .* says 50000`))
      await expectNothingPushed()
    })

    test('a layer with other bytes', async () => {
      await writeFile(blobFile(layout, layer), randomBytes(layer.size))
      await expectRefusal({}, 'verification', new RegExp(hexOf(layer.digest)))
      await expectNothingPushed()
    })

    test('a config with other bytes', async () => {
      await writeFile(blobFile(layout, image.config.descriptor), randomBytes(image.config.descriptor.size))
      await expectRefusal({}, 'verification', new RegExp(hexOf(image.config.descriptor.digest)))
      await expectNothingPushed()
    })

    test('a missing manifest', async () => {
      await rm(blobFile(layout, image.manifest.descriptor))
      await expectRefusal({}, 'verification', new RegExp(`${hexOf(image.manifest.descriptor.digest)} is missing`))
    })

    test('two images', async () => {
      await pushSampleImage(openLayout(layout), sampleImage(arm64))
      await expectRefusal({}, 'verification', /layout holds 2 images, a leg has one/)
      await expectNothingPushed()
    })

    test('a directory that is no layout', async () => {
      await expectRefusal({ layout: 'records' }, 'input', /records is not an OCI image layout/)
    })

    test('a directory that is not there', async () => {
      await expectRefusal({ layout: 'nowhere' }, 'input', /nowhere is not an OCI image layout/)
    })

    test('a registry that is not there', async () => {
      await expectRefusal({ repository: '127.0.0.1:1/web' }, 'registry', /127\.0\.0\.1:1/)
    })

    test('a handoff that the host cannot do', async () => {
      await expectRefusal({ handoff: 'artifact' }, 'input', /artifacts in GitHub Actions only/)
    })
  })

  test('a repository that does not exist yet is made by who may push to it, with one token', async () => {
    await using guarded = await startRegistry({ auth: 'token', hidesNew: true })
    const { username, password } = guarded.login!
    await pushSampleImage(openLayout(layout), sampleImage(amd64))
    await push(directory.path, {
      ...raw,
      repository: `${guarded.host}/team/web`,
      'registry-auth': `${guarded.host}=${username}:${password}`,
    })
    expect(guarded.tokens?.requests().map(({ scopes }) => scopes)).toEqual([['repository:team/web:pull,push']])
  })

  test('wrong and missing credentials are told apart from a broken registry, without the password', async () => {
    await using guarded = await startRegistry({ auth: 'htpasswd' })
    const { username, password } = guarded.login!
    await pushSampleImage(openLayout(layout), sampleImage(amd64))
    const inputs = { ...raw, repository: `${guarded.host}/team/web` }
    for (const auth of [undefined, `${guarded.host}=${username}:wrong-password`]) {
      const refusal = push(directory.path, { ...inputs, 'registry-auth': auth })
      await expect(refusal).rejects.toMatchObject({ kind: 'denied', message: expect.stringContaining(guarded.host) })
      await expect(refusal).rejects.toMatchObject({ message: expect.stringContaining('team/web') })
      await expect(refusal).rejects.toMatchObject({ message: expect.not.stringContaining('wrong-password') })
      expect(await exists(record())).toBe(false)
    }
    const { digest } = await push(directory.path, {
      ...inputs,
      'registry-auth': `${guarded.host}=${username}:${password}`,
    })
    expect(digest).toBe(sampleImage(amd64).manifest.descriptor.digest)
  })
})
