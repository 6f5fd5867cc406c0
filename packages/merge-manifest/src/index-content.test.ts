// The media type and the bytes of an index.
import { type Descriptor, digestOf, mediaTypes, parseIndex } from '@polyarch/oci'
import { describe, expect, test } from 'vitest'
import { chooseMediaType, composeIndex } from './index-content.ts'

const child = (architecture: string, mediaType: string = mediaTypes.ociManifest): Descriptor => ({
  mediaType,
  digest: digestOf(new TextEncoder().encode(architecture)),
  size: 100,
  platform: { os: 'linux', architecture },
})
const docker = [child('amd64', mediaTypes.dockerManifest), child('arm64', mediaTypes.dockerManifest)]
const oci = [child('amd64'), child('arm64')]
const mixed = [docker[0]!, oci[1]!]

describe('the media type', () => {
  test.each([
    ['docker images', docker, {}, mediaTypes.dockerList],
    ['docker images with annotations', docker, { title: 'Web' }, mediaTypes.ociIndex],
    [
      'docker images of which an entry says more',
      [docker[0]!, { ...docker[1]!, artifactType: 'application/x' }],
      {},
      mediaTypes.ociIndex,
    ],
    ['OCI images', oci, {}, mediaTypes.ociIndex],
    ['images of both', mixed, {}, mediaTypes.ociIndex],
  ])('for %s is chosen', (_, children, annotations, expected) => {
    expect(chooseMediaType('auto', children, annotations)).toBe(expected)
  })

  test('is what was asked for', () => {
    expect(chooseMediaType('oci', docker, {})).toBe(mediaTypes.ociIndex)
    expect(chooseMediaType('docker', docker, {})).toBe(mediaTypes.dockerList)
  })

  test('is never docker’s where docker’s list cannot hold it', () => {
    expect(() => chooseMediaType('docker', mixed, {})).toThrow(/cannot hold sha256:.* use oci/)
    expect(() => chooseMediaType('docker', docker, { title: 'Web' })).toThrow(/no annotations/)
    const annotated = docker.map((entry) => ({ ...entry, annotations: { a: '1' } }))
    expect(() => chooseMediaType('docker', annotated, {})).toThrow(/the entry of sha256:.* has: use oci/)
  })
})

test('equal children give equal bytes: images in order, then attestations', () => {
  const attestation: Descriptor = {
    ...child('unknown'),
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
  }
  const windows = {
    ...child('amd64'),
    digest: digestOf(new Uint8Array([1])),
    platform: { os: 'windows', architecture: 'amd64', 'os.version': '10.0.1', 'os.features': ['win32k'] },
  }
  const options = { mediaType: 'auto', annotations: { b: '2', a: '1' } } as const
  const content = composeIndex([...oci, windows], [attestation], options)
  const shuffled = { mediaType: 'auto', annotations: { a: '1', b: '2' } } as const
  expect(Buffer.from(composeIndex([...oci, windows], [attestation], shuffled).bytes).equals(content.bytes)).toBe(true)
  const { manifests, annotations } = parseIndex(content.bytes)
  expect(manifests.map(({ digest }) => digest)).toEqual([...oci, windows, attestation].map(({ digest }) => digest))
  expect(manifests[2]?.platform).toEqual(windows.platform)
  expect(annotations).toEqual({ a: '1', b: '2' })
})
