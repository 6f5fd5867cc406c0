// Copies images with what refers to them, between real registries and layouts.
import { randomBytes } from 'node:crypto'
import { type Descriptor, digestOf, hexOf, parseIndex, type Store } from '@polyarch/oci'
import { lacks, pushSampleImage, type RunningRegistry, sampleImage, sampleIndex, startRegistry } from '@polyarch/parts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type CopyScene, openCopyScene } from './testing/copy-scene.ts'

const amd64 = sampleImage({ os: 'linux', architecture: 'amd64' })
const arm64 = sampleImage({ os: 'linux', architecture: 'arm64' })
const index = sampleIndex([amd64, arm64])

/** What refers to the subject, as a signature or an SBOM does. */
const refer = (subject: Descriptor, note: string) => {
  const { mediaType, digest, size } = subject
  return sampleImage({ os: 'unknown', architecture: 'unknown' }, [note], { subject: { mediaType, digest, size } })
}

const signature = refer(arm64.manifest.descriptor, 'signature of arm64')
const sbom = refer(index.descriptor, 'SBOM of the index')
const signatureOfSbom = refer(sbom.manifest.descriptor, 'signature of the SBOM')
const cosignTag = `sha256-${hexOf(amd64.manifest.descriptor.digest)}.sig`
const cosignSignature = sampleImage({ os: '', architecture: '' }, ['cosign signature'])

const digestsOf = async (store: Store, subject: Descriptor): Promise<string[]> =>
  (await store.listReferrers(subject.digest)).map(({ digest }) => digest)

const expectAllIn = async (store: Store): Promise<void> => {
  expect(await digestsOf(store, arm64.manifest.descriptor)).toEqual([signature.manifest.descriptor.digest])
  expect(await digestsOf(store, index.descriptor)).toEqual([sbom.manifest.descriptor.digest])
  expect(await digestsOf(store, sbom.manifest.descriptor)).toEqual([signatureOfSbom.manifest.descriptor.digest])
  expect((await store.resolveManifest(cosignTag)).digest).toBe(cosignSignature.manifest.descriptor.digest)
  for (const { config, layers } of [amd64, arm64, signature, sbom, signatureOfSbom, cosignSignature])
    for (const { descriptor } of [config, ...layers])
      expect(await store.resolveBlob(descriptor.digest)).toBe(descriptor.size)
}

const servers = ['docker-registry', 'distribution-3'] as const

describe.each(servers)('polyarch copy with %s', (server) => {
  describe.skipIf(lacks('docker-registry', server))('takes along what refers to the image', () => {
    let registry: RunningRegistry
    let scene: CopyScene
    let name: string

    const open = (suffix = ''): Store => scene.open(`${registry.host}/${name}${suffix}`)
    const copy = async ({ source, destination, ...others }: Record<string, string>) =>
      await scene.copy(source ?? '', destination ?? '', others)

    beforeAll(async () => {
      registry = await startRegistry({ server })
    })
    afterAll(() => registry.stop())
    beforeEach(async () => {
      scene = await openCopyScene()
      name = `copy/${randomBytes(6).toString('hex')}`
      const source = open()
      for (const image of [amd64, arm64, signature, sbom, signatureOfSbom]) await pushSampleImage(source, image)
      await source.pushManifest(index, 'v1')
      await pushSampleImage(source, cosignSignature, cosignTag)
    })
    afterEach(() => scene[Symbol.asyncDispose]())

    test('to another repository, to a layout and back', async () => {
      const image = `${registry.host}/${name}`
      const { digest } = await copy({ source: `${image}:v1`, destination: `${image}-there:v1` })
      expect(digest).toBe(index.descriptor.digest)
      await expectAllIn(open('-there'))
      await copy({ source: `${image}-there:v1`, destination: 'oci:layout:v1' })
      await expectAllIn(scene.open('oci:layout'))
      await copy({ source: 'oci:layout:v1', destination: `${image}-back:v1` })
      await expectAllIn(open('-back'))
      expect((await open('-back').resolveManifest('v1')).digest).toBe(digest)
      expect(scene.warnings).toEqual([])
    })

    test('to a repository that does not exist yet, at a registry that shows it only to who may push', async () => {
      await using guarded = await startRegistry({ server, auth: 'token', hidesNew: true })
      const { username, password } = guarded.login!
      await copy({
        source: `${registry.host}/${name}:v1`,
        destination: `${guarded.host}/acme/web:v1`,
        'registry-auth': `${guarded.host}=${username}:${password}`,
      })
      expect(guarded.tokens?.requests().map(({ scopes }) => scopes)).toEqual([['repository:acme/web:pull,push']])
    })

    test('from a mirror of a registry that is out of reach', async () => {
      const origin = '127.0.0.1:9'
      await copy({
        source: `${origin}/${name}:v1`,
        destination: 'oci:layout:v1',
        'registry-mirrors': `${origin}=${registry.host}`,
      })
      await expectAllIn(scene.open('oci:layout'))
    })

    test('writes nothing when all is there', async () => {
      const image = `${registry.host}/${name}`
      const inputs = { source: `${image}:v1`, destination: `${image}-there` }
      await copy(inputs)
      const mark = (await registry.requests()).length
      await copy(inputs)
      expect((await registry.requests()).slice(mark).filter((line) => !/^(?:GET|HEAD)/.test(line))).toEqual([])
    })

    test('adds to the referrers that the destination has', async () => {
      const own = refer(arm64.manifest.descriptor, 'a signature that only the destination has')
      await pushSampleImage(open('-there'), arm64)
      await pushSampleImage(open('-there'), own)
      await copy({ source: `${registry.host}/${name}:v1`, destination: `${registry.host}/${name}-there` })
      expect(await digestsOf(open('-there'), arm64.manifest.descriptor)).toEqual([
        own.manifest.descriptor.digest,
        signature.manifest.descriptor.digest,
      ])
    })

    test('lists a referrer that is there but was not listed: an earlier run was killed in between', async () => {
      const there = open('-there')
      await pushSampleImage(there, arm64)
      await pushSampleImage(there, signature)
      const fallback = await there.resolveManifest(`sha256-${hexOf(arm64.manifest.descriptor.digest)}`)
      await there.deleteManifest(fallback.digest)
      expect(await digestsOf(there, arm64.manifest.descriptor)).toEqual([])
      await copy({ source: `${registry.host}/${name}:v1`, destination: `${registry.host}/${name}-there` })
      await expectAllIn(there)
    })

    test('leaves a cosign tag of the destination as it is, and says so', async () => {
      const other = sampleImage({ os: '', architecture: '' }, ['another cosign signature'])
      await pushSampleImage(open('-there'), other, cosignTag)
      await copy({ source: `${registry.host}/${name}:v1`, destination: `${registry.host}/${name}-there` })
      expect((await open('-there').resolveManifest(cosignTag)).digest).toBe(other.manifest.descriptor.digest)
      expect(scene.warnings).toHaveLength(1)
      expect(scene.warnings[0]).toContain(`${name}-there:${cosignTag} stays as it is`)
    })

    test('or not, where that is asked for', async () => {
      const image = `${registry.host}/${name}`
      await copy({ source: `${image}:v1`, destination: `${image}-there:v1`, referrers: 'false' })
      expect(await digestsOf(open('-there'), arm64.manifest.descriptor)).toEqual([])
      expect(await open('-there').listTags()).toEqual(['v1'])
    })

    test('of the chosen platforms only', async () => {
      const image = `${registry.host}/${name}`
      const { digest } = await copy({
        source: `${image}:v1`,
        destination: `${image}-there:v1`,
        platforms: 'linux/arm64',
      })
      const { manifests } = parseIndex((await open('-there').getManifest(digest ?? '')).bytes)
      expect(manifests.map((entry) => entry.digest)).toEqual([arm64.manifest.descriptor.digest])
      expect(await digestsOf(open('-there'), arm64.manifest.descriptor)).toHaveLength(1)
      expect(await digestsOf(open('-there'), index.descriptor)).toEqual([])
      expect(await open('-there').listTags()).not.toContain(cosignTag)
    })

    test.each([
      ['a repository', 'there@'],
      ['a tag of a repository', 'there:v1@'],
      ['a layout', 'oci:layout@'],
      ['a tag of a layout', 'oci:layout:v1@'],
    ])('but not to another digest than the source has, named for %s', async (_, form) => {
      const image = `${registry.host}/${name}`
      const destination = form.replace('there', `${image}-there`)
      const store = scene.open(form.startsWith('oci:') ? 'oci:layout' : `${image}-there`)
      const other = digestOf(Buffer.from('another image'))
      const mark = (await registry.requests()).length
      await expect(copy({ source: `${image}:v1`, destination: destination + other })).rejects.toMatchObject({
        kind: 'verification',
        message: expect.stringContaining(`${index.descriptor.digest}, not ${other}`),
      })
      expect((await registry.requests()).slice(mark).filter((line) => !/^(?:GET|HEAD)/.test(line))).toEqual([])
      expect(await store.listTags()).toEqual([])
      await copy({ source: `${image}:v1`, destination: destination + index.descriptor.digest })
      expect((await store.resolveManifest(index.descriptor.digest)).size).toBe(index.bytes.length)
    })

    test('unless that goes on and on: then no tag is written', async () => {
      let subject = amd64.manifest.descriptor
      for (let depth = 0; depth < 10; depth += 1) {
        const next = refer(subject, `level ${depth}`)
        await pushSampleImage(open(), next)
        subject = next.manifest.descriptor
      }
      await expect(
        copy({ source: `${registry.host}/${name}:v1`, destination: `${registry.host}/${name}-there:v1` }),
      ).rejects.toMatchObject({ kind: 'verification', message: expect.stringContaining('levels of referrers') })
      expect(await open('-there').listTags()).not.toContain('v1')
    })
  })
})
