// What refers to the children of a merge goes with them to the other repositories.
import { hexOf } from '@polyarch/oci'
import { lacks, pushSampleImage, type RunningRegistry, sampleImage, startRegistry } from '@polyarch/parts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { arm64, attestationTo, images, type MergeScene, openMergeScene } from './testing/merge-scene.ts'

const nowhere = { os: 'unknown', architecture: 'unknown' }
const { mediaType, digest, size } = images.arm64.manifest.descriptor
const signature = sampleImage(nowhere, ['signature of arm64'], { subject: { mediaType, digest, size } })
const sbom = sampleImage(nowhere, ['SBOM of arm64'], { subject: { mediaType, digest, size } })
const cosignTag = `sha256-${hexOf(digest)}.sig`
const cosignSignature = sampleImage({ os: '', architecture: '' }, ['cosign signature'])

const servers = ['docker-registry', 'distribution-3'] as const

describe.each(servers)('merge-manifest with %s', (server) => {
  describe.skipIf(lacks('docker-registry', server))('takes along what refers to the images', () => {
    let registry: RunningRegistry
    let scene: MergeScene

    const referrersIn = async (location: string): Promise<string[]> =>
      (await scene.open(location).listReferrers(digest)).map((referrer) => referrer.digest).toSorted()
    const expected = [signature, sbom].map(({ manifest }) => manifest.descriptor.digest).toSorted()
    const pushReferrers = async (location: string): Promise<void> => {
      const store = scene.open(location)
      for (const image of [signature, sbom]) await pushSampleImage(store, image)
      await pushSampleImage(store, cosignSignature, cosignTag)
    }

    beforeAll(async () => {
      registry = await startRegistry({ server })
    })
    afterAll(() => registry.stop())
    beforeEach(async () => {
      scene = await openMergeScene(registry)
    })
    afterEach(() => scene[Symbol.asyncDispose]())

    test('to the other repositories, before any tag moves', async () => {
      await scene.pushBoth()
      await pushReferrers(scene.repository)
      const [other, layout] = [`${scene.repository}-other`, 'oci:layout']
      const mark = (await registry.requests()).length
      const merged = await scene.merge({ ...scene.inputs(), repository: [scene.repository, other, layout] })
      for (const location of [other, layout]) {
        expect(await referrersIn(location)).toEqual(expected)
        expect((await scene.open(location).resolveManifest(cosignTag)).digest).toBe(
          cosignSignature.manifest.descriptor.digest,
        )
        expect((await scene.open(location).resolveManifest('latest')).digest).toBe(merged.digest)
      }
      const writes = await scene.writesSince(mark)
      const firstTag = writes.findIndex((line) => line.includes('/manifests/1.2.3 '))
      const lastReferrer = writes.findLastIndex((line) => line.includes(`/manifests/sha256-${hexOf(digest)}`))
      expect(lastReferrer).toBeGreaterThan(-1)
      expect(lastReferrer).toBeLessThan(firstTag)
    })

    test('also where it came after the merge, by merging again', async () => {
      await scene.pushBoth()
      const other = `${scene.repository}-other`
      const inputs = { ...scene.inputs(), repository: [scene.repository, other] }
      const merged = await scene.merge(inputs)
      await pushReferrers(scene.repository)
      const index = await scene.open(scene.repository).resolveManifest(merged.digest!)
      const ownTag = `sha256-${hexOf(index.digest)}.sig`
      const own = sampleImage(nowhere, ['signature of the index'], {
        subject: { mediaType: index.mediaType, digest: index.digest, size: index.size },
      })
      await pushSampleImage(scene.open(scene.repository), own)
      await pushSampleImage(scene.open(scene.repository), cosignSignature, ownTag)

      const again = await scene.merge(inputs)
      expect(again.result?.repositories.flatMap(({ tags }) => tags.map(({ status }) => status))).toEqual(
        Array(4).fill('unchanged'),
      )
      expect(await referrersIn(other)).toEqual(expected)
      expect((await scene.open(other).listReferrers(index.digest)).map((referrer) => referrer.digest)).toEqual([
        own.manifest.descriptor.digest,
      ])
      expect(await scene.tagsOf(other)).toMatchObject({
        [cosignTag]: cosignSignature.manifest.descriptor.digest,
        [ownTag]: cosignSignature.manifest.descriptor.digest,
        latest: merged.digest,
      })
      const mark = (await registry.requests()).length
      await scene.merge(inputs)
      expect(await scene.writesSince(mark), 'all is there by then').toEqual([])
    })

    test('which costs a merge that changes nothing only questions to the first of several repositories', async () => {
      await scene.pushBoth()
      const other = `${scene.repository}-other`
      const askedFor = async (repository: string[]): Promise<string[]> => {
        await scene.merge({ ...scene.inputs(), repository })
        const mark = (await registry.requests()).length
        await scene.merge({ ...scene.inputs(), repository })
        return (await registry.requests()).slice(mark).filter((line) => /\/referrers\/|\/manifests\/sha256-/.test(line))
      }
      expect(await askedFor([scene.repository])).toEqual([])
      const questions = await askedFor([scene.repository, other])
      expect(questions.length).toBeGreaterThan(0)
      expect(questions.filter((line) => line.includes('-other'))).toEqual([])
    })

    test('from the repository of an image that was built elsewhere', async () => {
      const elsewhere = `${scene.repository}-elsewhere`
      const [record] = await scene.pushBoth()
      await scene.writeRecords(record)
      await pushSampleImage(scene.open(elsewhere), images.arm64)
      await pushReferrers(elsewhere)
      const other = `${scene.repository}-other`
      await scene.merge({
        ...scene.inputs(),
        repository: [scene.repository, other],
        sources: `linux/arm64=${elsewhere}@${digest}`,
      })
      for (const location of [scene.repository, other]) expect(await referrersIn(location)).toEqual(expected)
      expect(Object.keys(await scene.tagsOf(other))).toContain(cosignTag)
    })

    test('and of attestations', async () => {
      const attestation = attestationTo(images.arm64)
      const subject = attestation.manifest.descriptor
      const own = sampleImage(nowhere, ['signature of the provenance'], {
        subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
      })
      const store = scene.open(scene.repository)
      for (const image of [attestation, own]) await pushSampleImage(store, image)
      const record = await scene.pushRecord(images.arm64, arm64, { attestations: [subject] as never })
      await scene.writeRecords(record)
      const other = `${scene.repository}-other`
      await scene.merge({ ...scene.inputs(), platforms: 'linux/arm64', repository: [scene.repository, other] })
      expect((await scene.open(other).listReferrers(subject.digest)).map((referrer) => referrer.digest)).toEqual([
        own.manifest.descriptor.digest,
      ])
    })
  })
})
