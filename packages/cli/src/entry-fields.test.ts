// What a builder's index says of an image goes with it: into the digest record, from there into the merged index.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openHost, parseInputs } from '@polyarch/ci-host'
import { step as mergeManifest } from '@polyarch/merge-manifest'
import { attestedDigestAnnotation, buildIndex, parseIndex, parseStoreLocation } from '@polyarch/oci'
import { lacks, partPath, pushSampleImage, sampleImage, startRegistry, temporaryDirectory } from '@polyarch/parts'
import { step as pushDigest } from '@polyarch/push-digest'
import { openStores } from '@polyarch/stores'
import { expect, test } from 'vitest'

const run = promisify(execFile)

test.skipIf(lacks('docker-registry', 'crane'))(
  'BuildKit’s annotations of a manifest’s descriptor reach the merged index',
  async () => {
    await using registry = await startRegistry()
    await using workspace = await temporaryDirectory('polyarch-entries')
    const host = openHost({ PATH: process.env['PATH'] }, workspace.path)
    await using stores = await openStores(
      { 'registry-auth': [], 'insecure-registries': [], 'registry-mirrors': [] },
      host,
    )
    const image = sampleImage({ os: 'linux', architecture: 'arm' }, ['for arm/v6'])
    const { platform: _, ...bare } = image.manifest.descriptor
    const provenance = sampleImage({ os: 'unknown', architecture: 'unknown' }, ['provenance'])
    const annotations = { 'org.opencontainers.image.description': 'said by annotation-manifest-descriptor' }
    const entry = { ...bare, annotations, platform: { os: 'linux', architecture: 'arm', variant: 'v6' } }
    const attestation = {
      ...provenance.manifest.descriptor,
      annotations: {
        'vnd.docker.reference.type': 'attestation-manifest',
        [attestedDigestAnnotation]: bare.digest,
      },
      artifactType: 'application/vnd.docker.attestation.manifest.v1+json',
    }
    const leg = stores.open(parseStoreLocation('oci:leg'))
    for (const part of [image, provenance]) await pushSampleImage(leg, part)
    await leg.pushManifest(buildIndex([entry, attestation]), 'latest')

    const repository = `${registry.host}/acme/web`
    await pushDigest.run(
      parseInputs(pushDigest, { layout: 'leg', repository, platform: 'linux/arm/v6', record: 'leg.json' }),
      host,
    )
    const merged = await mergeManifest.run(
      parseInputs(mergeManifest, { records: 'leg.json', repository, platforms: 'linux/arm/v6', tags: 'latest' }),
      host,
    )
    const record: unknown = JSON.parse(await readFile(join(workspace.path, 'leg.json'), 'utf8'))
    expect(record).toMatchObject({ entry: { annotations, platform: entry.platform }, attestations: [attestation] })
    const { stdout } = await run(partPath('crane'), ['manifest', '--insecure', `${repository}:latest`])
    expect(parseIndex(Buffer.from(stdout)).manifests).toEqual([entry, attestation])
    expect(merged.index).toMatchObject({ manifests: [entry, attestation] })
  },
)
