// Merges images in a real registry, with skopeo as the judge of the index.
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Host, type Log, openHost, parseInputs, type RawInputs } from '@polyarch/ci-host'
import { type DigestRecord, type Plan, parseMergeResult, sealPlan } from '@polyarch/documents'
import {
  buildIndex,
  type Descriptor,
  formatPlatform,
  mediaTypes,
  type Platform,
  parseIndex,
  parseStoreLocation,
  type Store,
} from '@polyarch/oci'
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
import { openStores, type Stores } from '@polyarch/stores'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { step } from './step.ts'

const run = promisify(execFile)

const amd64 = { os: 'linux', architecture: 'amd64' }
const arm64 = { os: 'linux', architecture: 'arm64' }
const armv7 = { os: 'linux', architecture: 'arm', variant: 'v7' }
const windows = { os: 'windows', architecture: 'amd64', 'os.version': '10.0.20348.1', 'os.features': ['win32k'] }

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

describe.skipIf(lacks('docker-registry'))('merge-manifest', () => {
  let registry: RunningRegistry
  let stores: Stores
  let directory: TemporaryDirectory
  let repository: string
  let logged: string[]
  let host: Host

  const hostIn = (path: string): Host => {
    const keep = (message: string) => void logged.push(message)
    const log: Log = { debug: keep, info: keep, warning: keep, error: keep, group: (_, work) => work() }
    return Object.assign(Object.create(openHost({}, path)) as Host, { log })
  }
  const open = (location: string): Store => stores.open(parseStoreLocation(location))
  const merge = (raw: RawInputs) => step.run(parseInputs(step, raw), host)

  /** Pushes the image by digest, and gives the record that push-digest writes of it. */
  const pushRecord = async (
    image: SampleImage,
    platform: Platform,
    changes: Partial<DigestRecord> = {},
  ): Promise<DigestRecord> => {
    const { mediaType, digest, size } = image.manifest.descriptor
    await pushSampleImage(open(repository), image)
    return {
      schema: 'polyarch.digest/v1',
      plan: null,
      leg: null,
      image: 'web',
      platform: formatPlatform(platform),
      repository,
      digest,
      mediaType,
      size,
      configDigest: image.config.descriptor.digest,
      attestations: [],
      engine: null,
      run: null,
      ...changes,
    }
  }
  const writeRecords = async (...records: readonly DigestRecord[]): Promise<void> => {
    await mkdir(join(directory.path, 'records'), { recursive: true })
    for (const [position, record] of records.entries())
      await writeFile(join(directory.path, `records/${position}.json`), JSON.stringify(record))
  }
  const tagsOf = async (location = repository): Promise<Record<string, string>> => {
    const store = open(location)
    const tags = await store.listTags()
    return Object.fromEntries(
      await Promise.all(tags.map(async (tag) => [tag, (await store.resolveManifest(tag)).digest] as const)),
    )
  }
  const indexAt = async (location: string, reference: string) =>
    parseIndex((await open(location).getManifest(reference)).bytes)
  const writesSince = async (mark: number) =>
    (await registry.requests()).slice(mark).filter((line) => /^(?:PUT|POST|PATCH|DELETE)/.test(line))

  beforeAll(async () => {
    registry = await startRegistry()
  })
  afterAll(() => registry.stop())
  beforeEach(async () => {
    directory = await temporaryDirectory()
    logged = []
    host = hostIn(directory.path)
    stores = await openStores({ 'registry-auth': [], 'insecure-registries': [], 'registry-mirrors': [] }, host)
    repository = `${registry.host}/${randomBytes(6).toString('hex')}/web`
  })
  afterEach(async () => {
    await stores[Symbol.asyncDispose]()
    await directory[Symbol.asyncDispose]()
  })

  const images = {
    amd64: sampleImage(amd64, ['shared layer', 'for amd64']),
    arm64: sampleImage(arm64, ['shared layer', 'for arm64']),
  }
  const inputs = (): RawInputs => ({
    repository,
    platforms: 'linux/amd64,linux/arm64',
    tags: '1.2.3,latest',
    records: 'records',
  })
  const pushBoth = async () => {
    const both = [await pushRecord(images.amd64, amd64), await pushRecord(images.arm64, arm64)] as const
    // The order of the files is not the order of the index.
    await writeRecords(both[1], both[0])
    return both
  }

  test('writes one index in the order asked for, then moves the tags, and says so', async () => {
    const [first, second] = await pushBoth()
    const { digest, tags, index, result } = await merge({
      ...inputs(),
      annotations: 'org.opencontainers.image.title=Web',
    })
    expect(await tagsOf()).toEqual({ '1.2.3': digest, latest: digest })
    expect(tags).toEqual([`${repository}:1.2.3`, `${repository}:latest`])
    const written = await indexAt(repository, 'latest')
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
          repository,
          tags: [
            { tag: '1.2.3', previous: null, status: 'created' },
            { tag: 'latest', previous: null, status: 'created' },
          ],
        },
      ],
    })
    const file = await readFile(join(directory.path, '.polyarch/merge/web.json'), 'utf8')
    expect(parseMergeResult(file, 'web.json')).toEqual(result)
    expect(await readdir(join(directory.path, '.polyarch/merge'))).toEqual(['web.json'])
    expect(logged.join('\n')).toContain(`docker pull ${repository}@${digest}`)
  })

  test('run again, it writes nothing and says that all is unchanged', async () => {
    await pushBoth()
    const first = await merge(inputs())
    const mark = (await registry.requests()).length
    const again = await merge(inputs())
    expect(await writesSince(mark)).toEqual([])
    expect(again.digest).toBe(first.digest)
    expect(again.result?.repositories[0]?.tags).toEqual(
      ['1.2.3', 'latest'].map((tag) => ({ tag, previous: first.digest, status: 'unchanged' })),
    )
  })

  test('moves the tags after everything else, in order, in every repository', async () => {
    await pushBoth()
    const other = `${repository}-mirror`
    const mark = (await registry.requests()).length
    const { digest } = await merge({ ...inputs(), repository: [repository, other], tags: '1,1.2,latest' })
    const writes = await writesSince(mark)
    for (const name of [repository, other]) {
      const path = `/v2/${name.slice(registry.host.length + 1)}`
      const puts = writes
        .filter((line) => line.startsWith(`PUT ${path}/manifests/`))
        .map((line) => line.split(/[/ ]/).at(-2))
      expect(puts.slice(-4)).toEqual([digest, '1', '1.2', 'latest'])
      expect(await tagsOf(name)).toEqual({ '1': digest, '1.2': digest, latest: digest })
    }
    const firstTag = writes.findIndex((line) => / \S+\/manifests\/1 /.test(line))
    expect(writes.slice(firstTag).every((line) => /\/manifests\/(?:1|1\.2|latest) /.test(line))).toBe(true)
    const uploads = writes.filter((line) => line.includes('-mirror/blobs/uploads'))
    expect(uploads.length).toBeGreaterThan(0)
    for (const upload of uploads) expect(upload).toMatch(/^POST .*mount=.* 201$/)
  })

  test('takes a layer that platforms share to another repository once', async () => {
    const shared = Array.from({ length: 4 }, () => randomBytes(20_000))
    const platforms = ['amd64', 'arm64', 's390x', 'ppc64le', 'riscv64', '386'].map((architecture) => ({
      os: 'linux',
      architecture,
    }))
    const records: DigestRecord[] = []
    for (const platform of platforms) records.push(await pushRecord(sampleImage(platform, shared), platform))
    await writeRecords(...records)
    const other = `${repository}-mirror`
    await merge({ ...inputs(), repository: [repository, other], platforms: platforms.map(formatPlatform) })
    const mounts = (await registry.requests()).filter(
      (line) => line.includes('-mirror/blobs/uploads') && line.includes('mount='),
    )
    const distinct = shared.length + platforms.length
    expect(mounts.filter((line) => line.includes(repository.slice(registry.host.length)))).toHaveLength(distinct)
  })

  test('moves a tag that points elsewhere, and remembers where', async () => {
    await pushBoth()
    const before = await pushRecord(sampleImage(amd64, ['an older release']), amd64)
    await pushSampleImage(open(repository), sampleImage(amd64, ['an older release']), 'latest')
    const { digest, result } = await merge(inputs())
    expect(await tagsOf()).toEqual({ '1.2.3': digest, latest: digest })
    expect(result?.repositories[0]?.tags[1]).toEqual({ tag: 'latest', previous: before.digest, status: 'moved' })
  })

  test('works on layouts on disk alone', async () => {
    repository = 'oci:images/web'
    await pushBoth()
    const { digest } = await merge({ ...inputs(), repository: [repository, 'oci:images/copy'] })
    for (const location of [repository, 'oci:images/copy']) {
      expect(await tagsOf(location)).toEqual({ '1.2.3': digest, latest: digest })
      expect((await indexAt(location, 'latest')).manifests).toHaveLength(2)
    }
  })

  test.skipIf(lacks('skopeo'))('skopeo agrees, and finds the image of each platform', async () => {
    await pushBoth()
    const { digest } = await merge(inputs())
    const raw = await run('skopeo', ['inspect', '--tls-verify=false', '--raw', `docker://${repository}:latest`])
    expect(parseIndex(Buffer.from(raw.stdout)).manifests.map(({ platform }) => platform)).toEqual([amd64, arm64])
    for (const [architecture, image] of Object.entries(images)) {
      const target = join(directory.path, architecture)
      const source = `docker://${repository}@${digest}`
      await run('skopeo', ['copy', '--src-tls-verify=false', '--override-arch', architecture, source, `dir:${target}`])
      expect(await readFile(join(target, 'manifest.json'), 'utf8')).toBe(new TextDecoder().decode(image.manifest.bytes))
    }
  })

  test('keeps variant, os.version and os.features of each platform', async () => {
    await writeRecords(await pushRecord(sampleImage(armv7), armv7), await pushRecord(sampleImage(windows), windows))
    const { digest } = await merge({ ...inputs(), platforms: 'linux/arm/v7,windows/amd64' })
    const { manifests } = await indexAt(repository, digest!)
    expect(manifests.map(({ platform }) => platform)).toEqual([armv7, windows])
  })

  describe('attestations', () => {
    const attestation = attestationTo(images.amd64)
    const pushAttested = async () => {
      await pushSampleImage(open(repository), attestation)
      const attestations = [{ ...attestation.manifest.descriptor }] as unknown as DigestRecord['attestations']
      await writeRecords(await pushRecord(images.amd64, amd64, { attestations }), await pushRecord(images.arm64, arm64))
    }

    test('come after the images, in every repository', async () => {
      await pushAttested()
      const other = `${repository}-mirror`
      await merge({ ...inputs(), repository: [repository, other] })
      for (const name of [repository, other]) {
        const { manifests } = await indexAt(name, 'latest')
        expect(manifests).toHaveLength(3)
        expect(manifests[2]).toEqual(attestation.manifest.descriptor)
        expect((await open(name).getManifest(attestation.manifest.descriptor.digest)).bytes).toHaveLength(
          attestation.manifest.bytes.length,
        )
      }
    })

    test('are dropped on request', async () => {
      await pushAttested()
      await merge({ ...inputs(), attestations: 'drop' })
      expect((await indexAt(repository, 'latest')).manifests).toHaveLength(2)
    })
  })

  describe('platforms that were built elsewhere', () => {
    test('are copied from their repository', async () => {
      const elsewhere = `${repository}-elsewhere`
      await pushSampleImage(open(elsewhere), images.arm64)
      await writeRecords(await pushRecord(images.amd64, amd64))
      const { digest } = images.arm64.manifest.descriptor
      const other = `${repository}-mirror`
      const { result } = await merge({
        ...inputs(),
        repository: [repository, other],
        sources: `linux/arm64=${elsewhere}@${digest}`,
      })
      expect(result?.platforms[1]).toMatchObject({ platform: 'linux/arm64', digest, prebuilt: true })
      for (const name of [repository, other]) expect((await open(name).resolveManifest(digest)).digest).toBe(digest)
    })

    test('may be an index, of which the platform’s image and its attestations are taken', async () => {
      const elsewhere = `oci:${join(directory.path, 'elsewhere')}`
      const attestation = attestationTo(images.arm64)
      const inner = buildIndex([images.arm64.manifest.descriptor, attestation.manifest.descriptor])
      const outer = buildIndex([inner.descriptor, images.amd64.manifest.descriptor])
      for (const image of [images.amd64, images.arm64, attestation]) await pushSampleImage(open(elsewhere), image)
      await open(elsewhere).pushManifest(inner)
      await open(elsewhere).pushManifest(outer)
      await writeRecords(await pushRecord(images.amd64, amd64))
      await merge({ ...inputs(), sources: `linux/arm64=${elsewhere}@${outer.descriptor.digest}` })
      const { manifests } = await indexAt(repository, 'latest')
      expect(manifests.map((manifest) => manifest.digest)).toEqual(
        [images.amd64, images.arm64, attestation].map((image) => image.manifest.descriptor.digest),
      )
    })
  })

  describe('changes no tag when it refuses', () => {
    const older = sampleImage(amd64, ['an older release'])
    let before: Record<string, string>

    beforeEach(async () => {
      await pushSampleImage(open(repository), older, 'latest')
      before = await tagsOf()
    })
    const expectRefusal = async (raw: RawInputs, kind: string, message: RegExp): Promise<void> => {
      const mark = (await registry.requests()).length
      const result = join(directory.path, '.polyarch/merge')
      await mkdir(result, { recursive: true })
      await writeFile(join(result, 'web.json'), 'of an earlier merge')
      await expect(merge(raw)).rejects.toMatchObject({ kind, message: expect.stringMatching(message) })
      expect(await tagsOf()).toEqual(before)
      expect(await writesSince(mark)).toEqual([])
    }
    const withArm = async (changes: Partial<DigestRecord>) => {
      const [first, second] = await pushBoth()
      await writeRecords(first, { ...second, ...changes })
    }

    test('a missing platform', async () => {
      await writeRecords(await pushRecord(images.amd64, amd64))
      await expectRefusal(inputs(), 'verification', /no record for linux\/arm64/)
    })

    test('an extra platform', async () => {
      await pushBoth()
      await expectRefusal(
        { ...inputs(), platforms: 'linux/amd64' },
        'verification',
        /linux\/arm64, which is not among linux\/amd64/,
      )
    })

    test('a record whose image is for another platform than it says', async () => {
      await withArm({ ...(await pushRecord(sampleImage({ os: 'linux', architecture: 's390x' }), arm64)) })
      await expectRefusal(inputs(), 'verification', /is for linux\/s390x, not for linux\/arm64/)
    })

    test.each<[string, Partial<DigestRecord>, RegExp]>([
      ['size', { size: 7 }, /has \d+ bytes: its descriptor says 7/],
      [
        'media type',
        { mediaType: mediaTypes.dockerManifest },
        /is application\/vnd\.oci\.image\.manifest.*says application\/vnd\.docker/,
      ],
      ['config', { configDigest: images.amd64.config.descriptor.digest }, /has the config sha256:.*: its record says/],
    ])('a record with a wrong %s', async (_, changes, message) => {
      await withArm(changes)
      await expectRefusal(inputs(), 'verification', message)
    })

    test('an image that the registry does not have any more', async () => {
      await withArm({})
      await open(repository).deleteManifest(images.arm64.manifest.descriptor.digest)
      await expectRefusal(inputs(), 'verification', /linux\/arm64 is not there \(any more\)/)
    })

    test('an attestation to another image', async () => {
      const stray = attestationTo(images.amd64)
      await pushSampleImage(open(repository), stray)
      const descriptor: Descriptor = stray.manifest.descriptor
      await withArm({ attestations: [{ ...descriptor }] as unknown as DigestRecord['attestations'] })
      await expectRefusal(inputs(), 'verification', /is no attestation to/)
    })

    test('all problems with the images at once', async () => {
      const [first, second] = await pushBoth()
      await writeRecords({ ...first, size: 7 }, { ...second, size: 8 })
      await expectRefusal(inputs(), 'verification', /says 7; .*says 8/)
    })

    test('a record that was cut short', async () => {
      await writeFile(join(directory.path, 'broken.json'), '{"schema":"polyarch.digest/v1"')
      await expectRefusal({ ...inputs(), records: 'broken.json' }, 'input', /broken\.json: not JSON/)
    })

    test('a tag against its policy, in any repository', async () => {
      await pushBoth()
      const other = `${repository}-mirror`
      await pushSampleImage(open(other), older, '1.2.3')
      const raw = { ...inputs(), repository: [other.replace('-mirror', ''), other], overwrite: '1.*=never,latest=same' }
      await expectRefusal(
        raw,
        'policy',
        /web:latest is sha256:.*overwrite: same.*-mirror:1\.2\.3 is sha256:.*overwrite: never/,
      )
      expect(await tagsOf(other)).toEqual({ '1.2.3': older.manifest.descriptor.digest })
    })

    test('a docker list of OCI images', async () => {
      await pushBoth()
      await expectRefusal({ ...inputs(), 'media-type': 'docker' }, 'input', /a docker list cannot hold/)
    })

    test('a dry run refuses nothing, shows what would be, and writes nothing', async () => {
      await pushBoth()
      const mark = (await registry.requests()).length
      const { digest, result } = await merge({ ...inputs(), 'dry-run': 'true' })
      expect(result?.repositories[0]?.tags).toEqual([
        { tag: '1.2.3', previous: null, status: 'created' },
        { tag: 'latest', previous: before['latest'], status: 'moved' },
      ])
      expect(logged.join('\n')).toMatch(/dry run, nothing is written/)
      expect(await writesSince(mark)).toEqual([])
      expect(await tagsOf()).toEqual(before)
      expect(await readdir(directory.path)).toEqual(['records'])
      expect((await merge(inputs())).digest).toBe(digest)
    })
  })

  describe('a registry with immutable tags', () => {
    /** Passes everything on to the registry but the move of some tags, which it refuses as ECR does. */
    const startImmutable = async (tags: readonly string[], beforeRefusal: () => Promise<void> = async () => {}) => {
      const refused = (request: IncomingMessage) =>
        request.method === 'PUT' && tags.some((tag) => request.url?.endsWith(`/manifests/${tag}`))
      const server = createServer((incoming, outgoing) => {
        if (refused(incoming)) {
          incoming.resume()
          void beforeRefusal().then(() =>
            outgoing.writeHead(400).end('{"errors":[{"code":"TAG_INVALID","message":"the tag is immutable"}]}'),
          )
          return
        }
        const { url, method, headers } = incoming
        const passed = httpRequest(`http://${registry.host}${url}`, { method, headers }, (answer) => {
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
          answer.pipe(outgoing)
        })
        incoming.pipe(passed)
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const address = server.address()
      return {
        host: `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
        [Symbol.asyncDispose]: async () => {
          server.closeAllConnections()
          await promisify(server.close.bind(server))()
        },
      }
    }

    test('stops the merge at the first tag that it refuses, and says what has moved', async () => {
      await using immutable = await startImmutable(['1.2'])
      repository = `${immutable.host}/${repository.split('/').slice(1).join('/')}`
      await pushBoth()
      await expect(merge({ ...inputs(), repository, tags: '1,1.2,latest' })).rejects.toMatchObject({
        message: expect.stringMatching(/the tag is immutable; moved before that: \S+\/web:1$/),
      })
      expect(Object.keys(await tagsOf())).toEqual(['1'])
      expect(await readdir(directory.path)).toEqual(['records'])
    })

    test('may have got the tag from another run that wrote the same', async () => {
      const other = repository
      await pushBoth()
      const { bytes, descriptor } = await open(other).getManifest((await merge({ ...inputs(), tags: '' })).digest!)
      await using immutable = await startImmutable(['1.2.3'], () =>
        open(other).pushManifest({ bytes, descriptor }, '1.2.3'),
      )
      repository = `${immutable.host}/${repository.split('/').slice(1).join('/')}`
      await pushBoth()
      const { digest, result } = await merge({ ...inputs(), repository })
      expect(result?.repositories[0]?.tags).toEqual([
        { tag: '1.2.3', previous: digest, status: 'unchanged' },
        { tag: 'latest', previous: null, status: 'created' },
      ])
      expect(await tagsOf(other)).toEqual({ '1.2.3': digest, latest: digest })
    })
  })

  test('policy same lets a merge run again', async () => {
    await pushBoth()
    const first = await merge({ ...inputs(), overwrite: 'same' })
    expect((await merge({ ...inputs(), overwrite: 'same' })).digest).toBe(first.digest)
    await expect(merge({ ...inputs(), overwrite: 'never' })).rejects.toMatchObject({ kind: 'policy' })
  })

  test('goes without a platform only where that is allowed, and says so', async () => {
    await writeRecords(await pushRecord(images.amd64, amd64))
    const { result } = await merge({ ...inputs(), 'on-missing': 'allow' })
    expect(result?.platforms.map(({ platform }) => platform)).toEqual(['linux/amd64'])
    expect(logged.join('\n')).toMatch(/linux\/arm64 is missing/)
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
                  repositories: [repository],
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
      await writeRecords(
        await pushRecord(images.amd64, amd64, leg('amd64')),
        await pushRecord(images.arm64, arm64, leg('arm64')),
      )
      const { digest, result } = await merge({
        plan: JSON.stringify(plan),
        records: 'records',
        result: 'out/web.merge.json',
      })
      expect(result).toMatchObject({ plan: plan.id, image: 'web', digest })
      expect(await tagsOf()).toEqual({ '2.0': digest, latest: digest })
      expect(await readdir(join(directory.path, 'out'))).toEqual(['web.merge.json'])
    })

    test('records that were pushed without it are refused', async () => {
      await pushBoth()
      await expect(merge({ plan: JSON.stringify(planOf()), records: 'records' })).rejects.toMatchObject({
        kind: 'verification',
        message: expect.stringMatching(/pushed without a plan/),
      })
    })

    test('a changed plan is refused', async () => {
      const plan = { ...planOf(), skipped: [{ image: 'api', reason: 'x' }] }
      await expect(merge({ plan: JSON.stringify(plan) })).rejects.toMatchObject({ kind: 'verification' })
    })

    test('a skipped image is nothing to do', async () => {
      const plan = JSON.stringify(planOf([{ image: 'web', reason: 'unchanged since 1a2b3c4' }]))
      for (const raw of [{ plan, image: 'web' }, { plan }]) {
        expect(await merge(raw)).toEqual({ tags: [] })
        expect(logged.at(-1)).toMatch(/^nothing to merge: /)
      }
    })
  })

  test('with wrong credentials it fails as not allowed, and the password is not told', async () => {
    await using guarded = await startRegistry({ auth: 'htpasswd' })
    await writeRecords({ ...(await pushRecord(images.amd64, amd64)), repository: `${guarded.host}/web` })
    const refusal = merge({
      ...inputs(),
      repository: `${guarded.host}/web`,
      platforms: 'linux/amd64',
      'registry-auth': `${guarded.host}=polyarch:wrong-password`,
    })
    await expect(refusal).rejects.toMatchObject({ kind: 'denied', message: expect.stringContaining(guarded.host) })
    await expect(refusal).rejects.toMatchObject({ message: expect.not.stringContaining('wrong-password') })
  })
})
