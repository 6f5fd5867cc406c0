// The contract that every Store keeps, as one suite of tests: a layout directory and a registry alike.
import { randomBytes, randomUUID } from 'node:crypto'
import {
  copyManifest,
  type Descriptor,
  digestOf,
  Failure,
  isStoreError,
  mediaTypes,
  type Store,
  StoreError,
  type StoreErrorCode,
} from '@polyarch/oci'
import { beforeEach, describe, expect, test } from 'vitest'
import { pushSampleImage, sampleBlob, sampleContent, sampleImage, sampleIndex, sampleManifest } from './sample-image.ts'

const amd64 = { os: 'linux', architecture: 'amd64' }
const arm64 = { os: 'linux', architecture: 'arm64' }
const nothing = digestOf(new TextEncoder().encode('what no store has'))

const readAll = async (chunks: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return Buffer.concat(parts)
}

const outcomeOf = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    await work
    return undefined
  } catch (error) {
    return error
  }
}

const expectRefusal = async (work: Promise<unknown>, ...codes: StoreErrorCode[]): Promise<StoreError> => {
  const error = await outcomeOf(work)
  expect(error).toBeInstanceOf(StoreError)
  expect(codes).toContain((error as StoreError).code)
  return error as StoreError
}

/** Where a server keeps less than the contract, and Polyarch gets by with it. */
export interface Leniency {
  /** A manifest is gone once no tag points at it any more. */
  readonly collectsUntagged?: boolean
  /** A manifest is refused without saying which blobs are missing, or says it of one. */
  readonly hidesMissing?: boolean
  /** A blob of one repository is there in all others. */
  readonly sharesBlobs?: boolean
  /** A referrer is listed with the type of its config, whatever type it has itself. */
  readonly listsConfigType?: boolean
}

/**
 * Declares the suite. `openStore` opens the store for a repository name that was never used before;
 * the same name gives the same store.
 */
export const describeStore = (
  name: string,
  openStore: (repository: string) => Store | Promise<Store>,
  { collectsUntagged = false, hidesMissing = false, sharesBlobs = false, listsConfigType = false }: Leniency = {},
): void => {
  const missingCodes: readonly StoreErrorCode[] = [
    'MANIFEST_BLOB_UNKNOWN',
    ...(hidesMissing ? ['BLOB_UNKNOWN' as const] : []),
  ]
  describe(`${name} as a Store`, () => {
    let repository: string
    let store: Store
    beforeEach(async () => {
      repository = `contract/${randomUUID()}`
      store = await openStore(repository)
    })

    describe('that holds nothing yet', () => {
      test('has no tags and no referrers', async () => {
        expect(await store.listTags()).toEqual([])
        expect(await store.listReferrers(nothing)).toEqual([])
      })

      test('says that a manifest is unknown, by tag and by digest', async () => {
        for (const reference of ['latest', nothing]) {
          await expectRefusal(store.resolveManifest(reference), 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN')
          await expectRefusal(store.getManifest(reference), 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN')
        }
      })

      test('says that a blob is unknown', async () => {
        expect(await store.resolveBlob(nothing)).toBeUndefined()
        const descriptor = { mediaType: 'application/octet-stream', digest: nothing, size: 17 }
        await expectRefusal(readAll(store.getBlob(descriptor)), 'BLOB_UNKNOWN', 'NAME_UNKNOWN')
      })

      test('does not delete what it does not have', async () => {
        await expectRefusal(store.deleteManifest(nothing), 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN', 'UNSUPPORTED')
      })
    })

    describe('keeps blobs', () => {
      test('byte for byte, and gives them from any offset', async () => {
        const { bytes, descriptor } = sampleBlob(randomBytes(3_000_001))
        await store.pushBlob(descriptor, sampleContent(bytes))
        expect(await store.resolveBlob(descriptor.digest)).toBe(bytes.length)
        expect((await readAll(store.getBlob(descriptor))).equals(bytes)).toBe(true)
        for (const start of [1, 65_536, 2_999_999])
          expect((await readAll(store.getBlob(descriptor, start))).equals(bytes.subarray(start))).toBe(true)
      })

      test('and gives small ones whole, by their digest alone', async () => {
        const blob = sampleBlob('a config, say')
        await store.pushBlob(blob.descriptor, sampleContent(blob.bytes))
        const { digest, size } = blob.descriptor
        expect(Buffer.from(await store.getSmallBlob(digest, size)).equals(blob.bytes)).toBe(true)
        const error = await expectRefusal(store.getSmallBlob(digest, size - 1), 'SIZE_INVALID')
        expect(error.message).toContain(`limit of ${size - 1}`)
        await expectRefusal(store.getSmallBlob(nothing, size), 'BLOB_UNKNOWN', 'NAME_UNKNOWN')
      })

      test('and tells each byte once', async () => {
        const { bytes, descriptor } = sampleBlob(randomBytes(300_000))
        let told = 0
        const onBytes = (digest: string, count: number): void => {
          expect(digest).toBe(descriptor.digest)
          told += count
        }
        expect(await store.pushBlob(descriptor, sampleContent(bytes), { onBytes })).toBe('uploaded')
        expect(told).toBe(bytes.length)
      })

      test('when several upload the same one at once', async () => {
        const { bytes, descriptor } = sampleBlob(randomBytes(500_000))
        await Promise.all(Array.from({ length: 8 }, () => store.pushBlob(descriptor, sampleContent(bytes))))
        expect((await readAll(store.getBlob(descriptor))).equals(bytes)).toBe(true)
      })

      test.each([
        ['other bytes', (bytes: Buffer) => Buffer.concat([bytes.subarray(1), bytes.subarray(0, 1)])],
        ['too few bytes', (bytes: Buffer) => bytes.subarray(1)],
        ['too many bytes', (bytes: Buffer) => Buffer.concat([bytes, Buffer.from('!')])],
      ])('but refuses %s under a digest, and names where they came from', async (_, change) => {
        const bytes = randomBytes(100_000)
        const { descriptor } = sampleBlob(bytes)
        const content = sampleContent(change(bytes), 'a/spoilt/layer.tar')
        const error = await expectRefusal(store.pushBlob(descriptor, content), 'DIGEST_INVALID', 'SIZE_INVALID')
        expect(error.message).toContain('a/spoilt/layer.tar')
        expect(await store.resolveBlob(descriptor.digest)).toBeUndefined()
      })

      test('but nothing of an upload whose source fails', async () => {
        const { bytes, descriptor } = sampleBlob(randomBytes(200_000))
        const broken = {
          origin: 'a disk that fails',
          async *open() {
            yield bytes.subarray(0, 100_000)
            throw new Failure('input', 'a disk that fails: cannot be read')
          },
        }
        expect(String(await outcomeOf(store.pushBlob(descriptor, broken)))).toContain('a disk that fails')
        expect(await store.resolveBlob(descriptor.digest)).toBeUndefined()
      })

      test('of another repository where it can take them over, and says whether it did', async () => {
        const other = await openStore(`${repository}-other`)
        const { bytes, descriptor } = sampleBlob(randomBytes(1000))
        await other.pushBlob(descriptor, sampleContent(bytes))
        const host = other.location.slice(0, Math.max(0, other.location.indexOf('/')))
        let told = 0
        let opened = 0
        const { origin, ...content } = sampleContent(bytes)
        const open = (start?: number): AsyncIterable<Uint8Array> => {
          opened += 1
          return content.open(start)
        }
        const arrival = await store.pushBlob(
          descriptor,
          { origin, open },
          {
            mountFrom: [{ host, name: `${repository}-other` }],
            onBytes: (_, count) => {
              told += count
            },
          },
        )
        expect(arrival).toBe(opened === 0 ? 'mounted' : 'uploaded')
        expect([await store.resolveBlob(descriptor.digest), told]).toEqual([bytes.length, bytes.length])
      })

      test('and does not send again what may be there, and is', async () => {
        const { bytes, descriptor } = sampleBlob(randomBytes(1000))
        await store.pushBlob(descriptor, sampleContent(bytes))
        const spoilt = sampleContent(bytes.subarray(1), 'content that nobody looks at')
        expect(await store.pushBlob(descriptor, spoilt, { mayBePresent: true })).toBe('present')
        const absent = sampleBlob(randomBytes(1000))
        const content = sampleContent(absent.bytes)
        expect(await store.pushBlob(absent.descriptor, content, { mayBePresent: true })).toBe('uploaded')
      })
    })

    describe('keeps manifests', () => {
      test('byte for byte, by tag and by digest', async () => {
        const image = sampleImage(amd64)
        const { digest, mediaType, size } = image.manifest.descriptor
        await pushSampleImage(store, image, '1.0')
        for (const reference of ['1.0', digest]) {
          expect(await store.resolveManifest(reference)).toMatchObject({ digest, mediaType, size })
          const { bytes, descriptor } = await store.getManifest(reference)
          expect(Buffer.from(bytes).equals(image.manifest.bytes)).toBe(true)
          expect(descriptor).toMatchObject({ digest, mediaType, size })
        }
        expect(await store.listTags()).toEqual(['1.0'])
      })

      test('without a tag, and twice', async () => {
        const image = sampleImage(amd64)
        await pushSampleImage(store, image)
        await pushSampleImage(store, image)
        expect((await store.resolveManifest(image.manifest.descriptor.digest)).size).toBe(image.manifest.bytes.length)
        expect(await store.listTags()).toEqual([])
      })

      test('under several tags, of which one moves', async () => {
        const [first, second] = [sampleImage(amd64, ['first']), sampleImage(amd64, ['second'])]
        await pushSampleImage(store, first, '1')
        await pushSampleImage(store, first, 'latest')
        await pushSampleImage(store, second, 'latest')
        expect((await store.resolveManifest('1')).digest).toBe(first.manifest.descriptor.digest)
        expect((await store.resolveManifest('latest')).digest).toBe(second.manifest.descriptor.digest)
        expect((await store.listTags()).toSorted()).toEqual(['1', 'latest'])
        await pushSampleImage(store, second, '1')
        expect((await store.resolveManifest('1')).digest).toBe(second.manifest.descriptor.digest)
        if (collectsUntagged) return
        expect((await store.resolveManifest(first.manifest.descriptor.digest)).digest).toBe(
          first.manifest.descriptor.digest,
        )
      })

      test('under its digest and several tags in one go, in order, and reads each back', async () => {
        const [first, second] = [sampleImage(amd64, ['first']), sampleImage(amd64, ['second'])]
        await pushSampleImage(store, first, 'latest')
        await pushSampleImage(store, second)
        const { digest, mediaType, size } = second.manifest.descriptor
        const references = [digest, '1', '1.2', 'latest']
        const placed: string[] = []
        const found = await store.placeManifest(second.manifest, references, (reference) => placed.push(reference))
        expect(placed).toEqual(references)
        expect(found).toEqual(references.map(() => expect.objectContaining({ digest, mediaType, size })))
        for (const reference of references) expect((await store.resolveManifest(reference)).digest).toBe(digest)
      })

      test('under no reference at all where its content is missing, if the store looks', async () => {
        const image = sampleImage(amd64, ['missing layer of a tagged image'])
        const error = await outcomeOf(store.placeManifest(image.manifest, ['1', 'latest']))
        if (error === undefined) return expect(store.refusesMissingContent).toBe(false)
        expect(isStoreError(error, ...missingCodes)).toBe(true)
        expect(await store.listTags()).toEqual([])
      })

      test('when several move different tags at once', async () => {
        const images = Array.from({ length: 8 }, (_, index) => sampleImage(amd64, [`layer ${index}`]))
        await Promise.all(images.map((image, index) => pushSampleImage(store, image, `v${index}`)))
        expect((await store.listTags()).toSorted()).toEqual(images.map((_, index) => `v${index}`))
        for (const [index, image] of images.entries())
          expect((await store.resolveManifest(`v${index}`)).digest).toBe(image.manifest.descriptor.digest)
      })

      test('only whole: what is missing is named, or the store is known not to look', async () => {
        const image = sampleImage(amd64, ['missing layer'])
        const error = await outcomeOf(store.pushManifest(image.manifest, 'latest'))
        if (error === undefined) {
          expect(store.refusesMissingContent).toBe(false)
          return
        }
        expect(isStoreError(error, ...missingCodes)).toBe(true)
        const missing = [image.config, ...image.layers].map((blob) => blob.descriptor.digest)
        if (!hidesMissing) expect((error as StoreError).missing.toSorted()).toEqual(missing.toSorted())
        expect(await store.listTags()).toEqual([])
        await expectRefusal(store.resolveManifest('latest'), 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN')
      })

      test('only whole: an index comes after its children', async () => {
        const image = sampleImage(arm64)
        const error = await outcomeOf(store.pushManifest(sampleIndex([image]), 'latest'))
        if (error === undefined) expect(store.refusesMissingContent).toBe(false)
        else {
          expect(isStoreError(error, 'MANIFEST_BLOB_UNKNOWN')).toBe(true)
          expect((error as StoreError).missing).toEqual([image.manifest.descriptor.digest])
        }
      })

      test('only under their own digest', async () => {
        const image = sampleImage(amd64)
        await pushSampleImage(store, image)
        const other = sampleImage(amd64, ['another layer']).manifest.descriptor
        const lie = { bytes: image.manifest.bytes, descriptor: { ...image.manifest.descriptor, digest: other.digest } }
        await expectRefusal(store.pushManifest(lie), 'DIGEST_INVALID')
        await expectRefusal(store.resolveManifest(other.digest), 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN')
      })

      test('only when they are manifests', async () => {
        const { bytes, descriptor } = sampleBlob('[]', mediaTypes.ociManifest)
        const error = await outcomeOf(store.pushManifest({ bytes, descriptor }, 'latest'))
        expect(error).toBeInstanceOf(Failure)
        await expectRefusal(store.resolveManifest('latest'), 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN')
      })

      test('until they are deleted, where it deletes', async () => {
        const image = sampleImage(amd64)
        const { digest } = image.manifest.descriptor
        await pushSampleImage(store, image, 'latest')
        await pushSampleImage(store, image, 'other')
        const untagged = await outcomeOf(store.deleteManifest('latest'))
        if (untagged === undefined) {
          await expectRefusal(store.resolveManifest('latest'), 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN')
          expect(await store.listTags()).toEqual(['other'])
          expect((await store.resolveManifest(digest)).digest).toBe(digest)
        } else expect(isStoreError(untagged, 'UNSUPPORTED')).toBe(true)
        const deleted = await outcomeOf(store.deleteManifest(digest))
        if (deleted === undefined) {
          await expectRefusal(store.resolveManifest(digest), 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN')
          await expectRefusal(store.resolveManifest('other'), 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN')
        } else expect(isStoreError(deleted, 'UNSUPPORTED')).toBe(true)
      })
    })

    describe('finds referrers', () => {
      const refer = (subject: Descriptor, note: string) =>
        sampleManifest({
          schemaVersion: 2,
          mediaType: mediaTypes.ociManifest,
          artifactType: 'application/vnd.example.signature',
          config: sampleBlob('{}', mediaTypes.ociEmpty).descriptor,
          layers: [],
          subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
          annotations: { note },
        } as { readonly mediaType: string })

      test('by the digest of their subject, with type and annotations', async () => {
        const image = sampleImage(amd64)
        await pushSampleImage(store, image, 'latest')
        const empty = sampleBlob('{}')
        await store.pushBlob(empty.descriptor, sampleContent(empty.bytes))
        const signatures = [refer(image.manifest.descriptor, 'first'), refer(image.manifest.descriptor, 'second')]
        for (const signature of signatures) await store.pushManifest(signature)
        const found = await store.listReferrers(image.manifest.descriptor.digest)
        expect(found.map((referrer) => referrer.digest).toSorted()).toEqual(
          signatures.map((signature) => signature.descriptor.digest).toSorted(),
        )
        expect(found.find((referrer) => referrer.digest === signatures[0]?.descriptor.digest)).toMatchObject({
          artifactType: listsConfigType ? mediaTypes.ociEmpty : 'application/vnd.example.signature',
          mediaType: mediaTypes.ociManifest,
          annotations: { note: 'first' },
        })
        expect(await store.listReferrers(nothing)).toEqual([])
      })
    })

    describe('copies an index with its children', () => {
      test('out and back in, and then nothing more', async () => {
        const base = randomBytes(100_000)
        const images = [sampleImage(amd64, [base, 'for amd64']), sampleImage(arm64, [base, 'for arm64'])]
        const index = sampleIndex(images)
        for (const image of images) await pushSampleImage(store, image)
        await store.pushManifest(index, 'latest')

        const there = await openStore(`${repository}-there`)
        const back = await openStore(`${repository}-back`)
        const descriptor = await store.resolveManifest('latest')
        for (const [source, destination] of [
          [store, there],
          [there, back],
        ] as const) {
          const copied = await copyManifest(source, destination, descriptor)
          expect(copied.unchanged).toBe(false)
          if (!sharesBlobs) expect(copied.uploaded + copied.mounted).toBeGreaterThanOrEqual(5)
          for (const image of images)
            for (const blob of [image.config, ...image.layers])
              expect((await readAll(destination.getBlob(blob.descriptor))).equals(blob.bytes)).toBe(true)
          expect(Buffer.from((await destination.getManifest(descriptor.digest)).bytes).equals(index.bytes)).toBe(true)
          expect(await copyManifest(source, destination, descriptor)).toMatchObject({ uploaded: 0, unchanged: true })
        }
      })
    })
  })
}
