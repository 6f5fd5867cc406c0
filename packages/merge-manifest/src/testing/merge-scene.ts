// What every test of a whole merge needs: a real registry, a work directory, images and the records of their pushes.
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Host, type Log, openHost, parseInputs, type RawInputs } from '@polyarch/ci-host'
import type { DigestRecord } from '@polyarch/documents'
import { formatPlatform, type Index, type Platform, parseIndex, parseStoreLocation, type Store } from '@polyarch/oci'
import {
  pushSampleImage,
  type RunningRegistry,
  type SampleImage,
  sampleImage,
  temporaryDirectory,
} from '@polyarch/parts'
import { openStores } from '@polyarch/stores'
import type { Outputs } from '../outputs.ts'
import { step } from '../step.ts'

export const amd64 = { os: 'linux', architecture: 'amd64' }
export const arm64 = { os: 'linux', architecture: 'arm64' }

/** An image for each of two platforms; they share a layer. */
export const images = {
  amd64: sampleImage(amd64, ['shared layer', 'for amd64']),
  arm64: sampleImage(arm64, ['shared layer', 'for arm64']),
}

/** An attestation manifest to the image, as BuildKit writes it. */
export const attestationTo = (image: SampleImage, statement = 'provenance'): SampleImage => {
  const sample = sampleImage(
    { os: 'unknown', architecture: 'unknown' },
    [`statements on ${image.config.descriptor.digest}`],
    { annotations: { statement } },
  )
  const annotations = {
    'vnd.docker.reference.type': 'attestation-manifest',
    'vnd.docker.reference.digest': image.manifest.descriptor.digest,
  }
  return { ...sample, manifest: { ...sample.manifest, descriptor: { ...sample.manifest.descriptor, annotations } } }
}

export interface MergeScene extends AsyncDisposable {
  /** The work directory; records are written below it. */
  readonly directory: string
  /** A repository that no other test uses; a test may choose another. */
  repository: string
  /** What the step logged. */
  readonly logged: readonly string[]
  /** Inputs for a merge of both images into the repository, with the tags 1.2.3 and latest. */
  inputs(): RawInputs
  merge(raw: RawInputs): Promise<Outputs>
  open(location: string): Store
  /** Pushes the image by digest, and gives the record that push-digest writes of it. */
  pushRecord(image: SampleImage, platform: Platform, changes?: Partial<DigestRecord>): Promise<DigestRecord>
  /** Writes the records in place of those that were written before. */
  writeRecords(...records: readonly DigestRecord[]): Promise<void>
  /** Pushes both images and writes their records. */
  pushBoth(): Promise<readonly [amd64: DigestRecord, arm64: DigestRecord]>
  /** The digests behind the tags of the repository. */
  tagsOf(location?: string): Promise<Readonly<Record<string, string>>>
  indexAt(location: string, reference: string): Promise<Index>
  /** The requests that change something, after the first `mark` requests. */
  writesSince(mark: number): Promise<readonly string[]>
}

const openTestHost = (directory: string, logged: string[]): Host => {
  const keep = (message: string) => void logged.push(message)
  const log: Log = { debug: keep, info: keep, warning: keep, error: keep, group: (_, work) => work() }
  return Object.assign(Object.create(openHost({}, directory)) as Host, { log })
}

export const openMergeScene = async (registry: RunningRegistry): Promise<MergeScene> => {
  const directory = await temporaryDirectory()
  const logged: string[] = []
  const host = openTestHost(directory.path, logged)
  const login = registry.login && `${registry.host}=${registry.login.username}:${registry.login.password}`
  const logins = login === undefined ? [] : [login]
  const stores = await openStores({ 'registry-auth': logins, 'insecure-registries': [], 'registry-mirrors': [] }, host)
  const scene: MergeScene = {
    directory: directory.path,
    repository: `${registry.host}/${randomBytes(6).toString('hex')}/web`,
    logged,

    inputs: () => ({
      repository: scene.repository,
      platforms: 'linux/amd64,linux/arm64',
      tags: '1.2.3,latest',
      records: 'records',
      ...(login === undefined ? {} : { 'registry-auth': login }),
    }),

    merge: (raw) => step.run(parseInputs(step, raw), host),

    open: (location) => stores.open(parseStoreLocation(location)),

    pushRecord: async (image, platform, changes = {}) => {
      const { mediaType, digest, size } = image.manifest.descriptor
      await pushSampleImage(scene.open(scene.repository), image)
      return {
        schema: 'polyarch.digest/v1',
        plan: null,
        leg: null,
        image: 'web',
        platform: formatPlatform(platform),
        repository: scene.repository,
        digest,
        mediaType,
        size,
        configDigest: image.config.descriptor.digest,
        attestations: [],
        engine: null,
        run: null,
        ...changes,
      }
    },

    writeRecords: async (...records) => {
      await mkdir(join(directory.path, 'records'), { recursive: true })
      for (const [position, record] of records.entries())
        await writeFile(join(directory.path, `records/${position}.json`), JSON.stringify(record))
    },

    pushBoth: async () => {
      const both = [await scene.pushRecord(images.amd64, amd64), await scene.pushRecord(images.arm64, arm64)] as const
      // The order of the files is not the order of the index.
      await scene.writeRecords(both[1], both[0])
      return both
    },

    tagsOf: async (location = scene.repository) => {
      const store = scene.open(location)
      const tags = await store.listTags()
      return Object.fromEntries(
        await Promise.all(tags.map(async (tag) => [tag, (await store.resolveManifest(tag)).digest] as const)),
      )
    },

    indexAt: async (location, reference) => parseIndex((await scene.open(location).getManifest(reference)).bytes),

    writesSince: async (mark) =>
      (await registry.requests()).slice(mark).filter((line) => /^(?:PUT|POST|PATCH|DELETE)/.test(line)),

    [Symbol.asyncDispose]: async () => {
      await stores[Symbol.asyncDispose]()
      await directory[Symbol.asyncDispose]()
    },
  }
  return scene
}
