// The one image of layouts, right and wrong in every way.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openLayout } from '@polyarch/layout'
import { buildIndex, type Descriptor, type ManifestContent, mediaTypes, type Store } from '@polyarch/oci'
import {
  pushSampleImage,
  type SampleImage,
  sampleBlob,
  sampleContent,
  sampleImage,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@polyarch/parts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readLayoutImage } from './layout-image.ts'

const amd64 = { os: 'linux', architecture: 'amd64' }
const image = sampleImage(amd64, ['first layer', 'second layer'])

const attestationOf = (attested: SampleImage, predicate: string): SampleImage => {
  const sample = sampleImage({ os: 'unknown', architecture: 'unknown' }, [predicate])
  const annotations = {
    'vnd.docker.reference.type': 'attestation-manifest',
    'vnd.docker.reference.digest': attested.manifest.descriptor.digest,
  }
  return { ...sample, manifest: { ...sample.manifest, descriptor: { ...sample.manifest.descriptor, annotations } } }
}

describe('the image of a layout', () => {
  let directory: TemporaryDirectory
  let store: Store

  beforeEach(async () => {
    directory = await temporaryDirectory()
    store = openLayout(directory.path)
    await pushSampleImage(store, image)
  })
  afterEach(() => directory[Symbol.asyncDispose]())

  const read = (platform: Parameters<typeof readLayoutImage>[2] = amd64) =>
    readLayoutImage(store, directory.path, platform)
  const expectRefusal = (message: RegExp) =>
    expect(read()).rejects.toMatchObject({ kind: 'verification', message: expect.stringMatching(message) })
  /** Rewrites the entries of index.json as another program would have. */
  const editEntries = async (edit: (entries: Descriptor[]) => unknown[]): Promise<void> => {
    const file = join(directory.path, 'index.json')
    const index = JSON.parse(await readFile(file, 'utf8'))
    await writeFile(file, JSON.stringify({ ...index, manifests: edit(index.manifests) }))
  }
  const pushIndex = async (children: readonly Descriptor[]): Promise<ManifestContent> => {
    const index = buildIndex(children)
    await store.pushManifest(index)
    return index
  }

  test('is the one that there is, with the size of all that it has', async () => {
    const found = await read()
    const { digest, mediaType, size } = image.manifest.descriptor
    expect(found.descriptor).toEqual({ digest, mediaType, size })
    expect(found.manifests).toEqual([found.descriptor])
    expect(found.size).toBe([image.config, ...image.layers].reduce((sum, { bytes }) => sum + bytes.length, 0))
  })

  test('is found where kaniko writes no platform and an artifact type that is none', async () => {
    await editEntries((entries) =>
      entries.map(({ mediaType, digest, size }) => ({ mediaType, digest, size, artifactType: mediaTypes.ociConfig })),
    )
    const { digest, mediaType, size } = image.manifest.descriptor
    expect((await read()).descriptor).toEqual({ digest, mediaType, size })
  })

  test('is one even under several tags', async () => {
    await store.pushManifest(image.manifest, '1.0')
    await store.pushManifest(image.manifest, 'latest')
    expect((await read()).descriptor.digest).toBe(image.manifest.descriptor.digest)
  })

  test('is found with its attestations in an index inside the index, as BuildKit nests them', async () => {
    const attestations = ['provenance', 'sbom'].map((predicate) => attestationOf(image, predicate))
    for (const attestation of attestations) await pushSampleImage(store, attestation)
    await pushIndex([image, ...attestations].map(({ manifest }) => manifest.descriptor))
    const found = await read()
    expect(found.descriptor.digest).toBe(image.manifest.descriptor.digest)
    expect(found.attestations).toEqual(attestations.map(({ manifest }) => manifest.descriptor))
  })

  test('fits a platform however its variant is written', async () => {
    const arm64 = sampleImage({ os: 'linux', architecture: 'arm64', variant: 'v8' })
    await using other = await temporaryDirectory()
    await pushSampleImage(openLayout(other.path), arm64)
    const found = readLayoutImage(openLayout(other.path), other.path, { os: 'linux', architecture: 'arm64' })
    await expect(found).resolves.toMatchObject({ descriptor: { digest: arm64.manifest.descriptor.digest } })
  })

  describe('keeps what its entry says of it', () => {
    const said = { 'com.example.said': 'yes' }
    const { platform: _, ...bare } = image.manifest.descriptor

    test('in an index inside the index', async () => {
      const artifactType = 'application/vnd.docker.attestation.manifest.v1+json'
      const attestation = attestationOf(image, 'provenance')
      await pushSampleImage(store, attestation)
      const entry = { ...image.manifest.descriptor, annotations: said, artifactType: 'application/vnd.example' }
      await pushIndex([entry, { ...attestation.manifest.descriptor, artifactType }])
      const found = await read()
      expect(found.descriptor).toEqual({ ...bare, annotations: said, artifactType: 'application/vnd.example' })
      expect(found.attestations).toEqual([{ ...attestation.manifest.descriptor, artifactType }])
      expect(found.manifests[0], 'what is pushed is the image').toEqual(bare)
    })

    test('in index.json, but not its names there nor the time of the export', async () => {
      const there = {
        'org.opencontainers.image.ref.name': 'latest',
        'org.opencontainers.image.created': '2026-01-02T03:04:05Z',
        'io.containerd.image.name': 'docker.io/acme/web:latest',
      }
      await editEntries((entries) => entries.map((entry) => ({ ...entry, annotations: { ...there, ...said } })))
      expect((await read()).descriptor).toEqual({ ...bare, annotations: said })
      await editEntries((entries) => entries.map((entry) => ({ ...entry, annotations: there })))
      expect((await read()).descriptor).toEqual(bare)
    })

    test('of its platform, where its config says less', async () => {
      const [arm, armv6] = [
        { os: 'linux', architecture: 'arm' },
        { os: 'linux', architecture: 'arm', variant: 'v6' },
      ]
      const silent = sampleImage(arm, ['for all of arm'])
      await using other = await temporaryDirectory()
      const layout = openLayout(other.path)
      await pushSampleImage(layout, silent)
      const listed = [armv6, { ...arm, variant: 'v7' }].map((platform) => ({ ...silent.manifest.descriptor, platform }))
      await layout.pushManifest(buildIndex(listed))
      const found = await readLayoutImage(layout, other.path, armv6)
      expect(found.descriptor.platform).toEqual(armv6)
      expect((await readLayoutImage(layout, other.path, { ...arm, variant: 'v7' })).descriptor.platform).toBeUndefined()
      await expect(readLayoutImage(layout, other.path, { ...arm, variant: 'v5' })).rejects.toMatchObject({
        kind: 'verification',
        message: expect.stringMatching(/for linux\/arm\/v6, not for linux\/arm\/v5/),
      })
    })
  })

  describe('is refused where', () => {
    test('its entry is for another platform than its config', async () => {
      await editEntries((entries) => entries.map((entry) => ({ ...entry, platform: { ...amd64, os: 'windows' } })))
      await expectRefusal(/is for linux\/amd64 by its config, for windows\/amd64 by its entry in an index/)
    })

    test('there is none', async () => {
      await editEntries(() => [])
      await expectRefusal(/index\.json names no image/)
    })

    test('an attestation is to another image', async () => {
      const stray = attestationOf(sampleImage(amd64, ['another image']), 'provenance')
      await pushSampleImage(store, stray)
      await pushIndex([image.manifest.descriptor, stray.manifest.descriptor])
      await expectRefusal(/attests to an image that is not there/)
    })

    test('an index names what is no manifest', async () => {
      const blob = sampleBlob('{}', 'application/json')
      await store.pushBlob(blob.descriptor, sampleContent(blob.bytes))
      await pushIndex([image.manifest.descriptor, blob.descriptor])
      await expectRefusal(/is application\/json, which is no manifest/)
    })

    test('indexes are nested without end', async () => {
      let { descriptor } = image.manifest
      for (let depth = 0; depth < 6; depth++) descriptor = (await pushIndex([descriptor])).descriptor
      await expectRefusal(/is an index inside 4 others/)
    })

    test('index.json has the manifest’s size or type wrong', async () => {
      await editEntries((entries) => entries.map((entry) => ({ ...entry, size: entry.size + 1 })))
      await expectRefusal(/has \d+ bytes: its descriptor says/)
      await editEntries((entries) =>
        entries.map((entry) => ({ ...entry, size: entry.size - 1, mediaType: mediaTypes.dockerManifest })),
      )
      await expectRefusal(/is application\/vnd\.oci.*: its descriptor says application\/vnd\.docker/)
    })

    test('the config is no image’s', async () => {
      const config = sampleBlob('{"os":"linux"}', mediaTypes.ociConfig)
      await store.pushBlob(config.descriptor, sampleContent(config.bytes))
      const manifest = sampleBlob(
        JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: config.descriptor, layers: [] }),
        mediaTypes.ociManifest,
      )
      await store.pushManifest(manifest)
      await editEntries((entries) => entries.filter(({ digest }) => digest === manifest.descriptor.digest))
      await expectRefusal(/config: architecture is missing/)
    })
  })
})
