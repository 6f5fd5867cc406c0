// Manifests come from strangers: whatever is not what it must be is refused as verification, never a crash.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  digestOf,
  Failure,
  isAttestation,
  manifestSizeLimit,
  mediaTypeOf,
  mediaTypes,
  parseImageConfig,
  parseIndex,
  parseManifest,
  platformOf,
} from './index.ts'

const encode = (value: unknown): Uint8Array =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))

const descriptor = { mediaType: mediaTypes.ociConfig, digest: digestOf(new Uint8Array()), size: 0 }
const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: descriptor, layers: [descriptor] }
const child = { ...descriptor, mediaType: mediaTypes.ociManifest, platform: { os: 'linux', architecture: 'amd64' } }
const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [child] }
const config = {
  os: 'linux',
  architecture: 'arm',
  variant: 'v7',
  rootfs: { type: 'layers', diff_ids: [descriptor.digest] },
}

const refusal = (work: () => unknown): unknown => {
  try {
    return work()
  } catch (error) {
    return error
  }
}
const refused = (message: string) =>
  expect.objectContaining({ kind: 'verification', message: expect.stringContaining(message) })

describe('what is right is read', () => {
  test('with its own media type, or by its shape where it claims none', () => {
    expect(parseManifest(encode(manifest))).toEqual(manifest)
    expect(parseIndex(encode(index))).toEqual(index)
    const { mediaType: _, ...unnamed } = index
    expect(parseIndex(encode(unnamed)).mediaType).toBe(mediaTypes.ociIndex)
    expect(mediaTypeOf(encode({ ...manifest, mediaType: undefined }))).toBe(mediaTypes.ociManifest)
  })

  test('as docker writes it', () => {
    expect(parseManifest(encode({ ...manifest, mediaType: mediaTypes.dockerManifest })).layers).toHaveLength(1)
    expect(parseIndex(encode({ ...index, mediaType: mediaTypes.dockerList })).manifests).toHaveLength(1)
  })

  test('with fields of a later specification, and annotations that are null', () => {
    expect(parseManifest(encode({ ...manifest, annotations: null, novel: { a: 1 } }))).toMatchObject({
      novel: { a: 1 },
    })
  })

  test('with a platform that names none, as some tools write it for artifacts', () => {
    const { platform: _, ...unnamed } = child
    for (const platform of [{ os: '', architecture: '' }, { architecture: 'amd64' }, {}, null])
      expect(parseIndex(encode({ ...index, manifests: [{ ...child, platform }] })).manifests).toEqual([unnamed])
  })

  test('and a config tells its platform, normalised', () => {
    expect(platformOf(parseImageConfig(encode(config)))).toEqual({ os: 'linux', architecture: 'arm', variant: 'v7' })
    const windows = {
      ...config,
      os: 'windows',
      architecture: 'amd64',
      variant: '',
      'os.version': '10.0.1',
      'os.features': ['x'],
    }
    expect(platformOf(parseImageConfig(encode(windows)))).toEqual({
      os: 'windows',
      architecture: 'amd64',
      'os.version': '10.0.1',
      'os.features': ['x'],
    })
  })
})

test('lists without entries may be null or left out, as Go writes them', () => {
  expect(parseManifest(encode({ ...manifest, layers: null })).layers).toEqual([])
  for (const rootfs of [{ type: 'layers', diff_ids: null }, { type: 'layers' }])
    expect(parseImageConfig(encode({ ...config, rootfs })).rootfs).toEqual({ type: 'layers', diff_ids: [] })
})

describe('a manifest is refused', () => {
  test.each([
    ['that is not JSON', '{', 'manifest is not JSON'],
    ['that is not text', Uint8Array.of(0x7b, 0xff, 0x7d), 'manifest is not JSON'],
    ['that is a list', '[]', 'manifest is not a JSON object'],
    ['that is null', 'null', 'manifest is not a JSON object'],
    ['that is huge', new Uint8Array(manifestSizeLimit + 1).fill(0x20), 'more than the limit of 4194304'],
    ['that is an index', encode(index), 'expected an image manifest, found application/vnd.oci.image.index'],
    ['that is both (CVE-2021-41190)', encode({ ...manifest, manifests: [] }), 'both layers and manifests'],
    ['of another type', encode({ ...manifest, mediaType: 'text/html' }), 'expected an image manifest, found text/html'],
    ['without config', encode({ ...manifest, config: undefined }), 'manifest: config is not a descriptor'],
    ['whose layers are an object', encode({ ...manifest, layers: {} }), 'manifest: layers is not a list'],
    ['with a layer that is null', encode({ ...manifest, layers: [null] }), 'manifest: layers[0] is not a descriptor'],
    [
      'with a layer without type',
      encode({ ...manifest, layers: [{ ...descriptor, mediaType: '' }] }),
      'layers[0]: mediaType is missing',
    ],
    [
      'whose digest is a path',
      encode({ ...manifest, layers: [{ ...descriptor, digest: 'sha256:../../etc/passwd' }] }),
      'is not a digest',
    ],
    [
      'whose digest is a list',
      encode({ ...manifest, layers: [{ ...descriptor, digest: [descriptor.digest] }] }),
      'is not a digest',
    ],
    [
      'with a negative size',
      encode({ ...manifest, layers: [{ ...descriptor, size: -1 }] }),
      'size -1 is not a whole number',
    ],
    [
      'with a size of text',
      encode({ ...manifest, layers: [{ ...descriptor, size: '1' }] }),
      'size 1 is not a whole number',
    ],
    [
      'with half a byte',
      encode({ ...manifest, layers: [{ ...descriptor, size: 0.5 }] }),
      'size 0.5 is not a whole number',
    ],
    [
      'with a size beyond counting',
      JSON.stringify(manifest).replace('"size":0', '"size":1e30'),
      'is not a whole number',
    ],
    [
      'with annotations of numbers',
      encode({ ...manifest, annotations: { a: 1 } }),
      'manifest: annotations: a is not text',
    ],
    [
      'with a list of annotations',
      encode({ ...manifest, annotations: ['a'] }),
      'manifest: annotations is not an object',
    ],
  ])('%s', (_, bytes, message) => {
    expect(refusal(() => parseManifest(typeof bytes === 'string' ? encode(bytes) : bytes))).toEqual(refused(message))
  })
})

describe('an index is refused', () => {
  test.each([
    ['that is a manifest', manifest, 'expected an index'],
    ['that is both', { ...index, layers: [] }, 'both manifests and layers'],
    ['that has a config', { ...index, config: descriptor }, 'both manifests and layers'],
    [
      'whose child has a platform of text',
      { ...index, manifests: [{ ...child, platform: 'linux/amd64' }] },
      'manifests[0]: platform is not an object',
    ],
    [
      'whose child has no os',
      { ...index, manifests: [{ ...child, platform: { os: 8, architecture: 'amd64' } }] },
      'manifests[0]: platform: os is missing or not text',
    ],
    [
      'whose child has a variant of 8',
      { ...index, manifests: [{ ...child, platform: { ...child.platform, variant: 8 } }] },
      'platform: variant is not text',
    ],
    [
      'whose child has os.features of text',
      { ...index, manifests: [{ ...child, platform: { ...child.platform, 'os.features': 'win32k' } }] },
      'platform: os.features is not a list of texts',
    ],
    [
      'whose child has an artifact type of 1',
      { ...index, manifests: [{ ...child, artifactType: 1 }] },
      'manifests[0]: artifactType is not text',
    ],
    [
      'whose child has annotations of text',
      { ...index, manifests: [{ ...child, annotations: 'a' }] },
      'manifests[0]: annotations is not an object',
    ],
  ])('%s', (_, value, message) => {
    expect(refusal(() => parseIndex(encode(value)))).toEqual(refused(message))
  })
})

describe('a config is refused', () => {
  test.each([
    ['without os', { ...config, os: undefined }, 'config: os is missing'],
    [
      'whose architecture is a list',
      { ...config, architecture: ['amd64'] },
      'config: architecture is missing or not text',
    ],
    ['whose variant is a number', { ...config, variant: 7 }, 'config: variant is not text'],
    ['whose os.features are text', { ...config, 'os.features': 'win32k' }, 'os.features is not a list of texts'],
    ['with a feature of 1', { ...config, 'os.features': ['win32k', 1] }, 'os.features is not a list of texts'],
    ['without rootfs', { ...config, rootfs: null }, 'rootfs.diff_ids is not a list of digests'],
    [
      'whose diff_ids are no digests',
      { ...config, rootfs: { type: 'layers', diff_ids: ['x'] } },
      'not a list of digests',
    ],
  ])('%s', (_, value, message) => {
    expect(refusal(() => parseImageConfig(encode(value)))).toEqual(refused(message))
  })
})

test('an attestation is told from an image by BuildKit’s annotation', () => {
  expect(isAttestation(child)).toBe(false)
  expect(isAttestation({ ...child, annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } })).toBe(true)
})

describe('for all JSON', () => {
  test('a guard gives what it promises or refuses as verification', () => {
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        fc.jsonValue(),
        fc.constantFrom(descriptor, child, manifest, index, config, null, '__proto__'),
        fc.array(tie('value'), { maxLength: 3 }),
      ),
    })).value
    const document = fc.dictionary(
      fc.constantFrom(
        'mediaType',
        'config',
        'layers',
        'manifests',
        'annotations',
        'os',
        'architecture',
        'variant',
        'rootfs',
        'subject',
        '__proto__',
      ),
      fc.oneof(value, fc.constantFrom(mediaTypes.ociManifest, mediaTypes.ociIndex, 'linux', [descriptor], [child])),
    )
    fc.assert(
      fc.property(document, (json) => {
        for (const parse of [parseManifest, parseIndex, (bytes: Uint8Array) => platformOf(parseImageConfig(bytes))]) {
          const outcome = refusal(() => parse(encode(json)))
          if (outcome instanceof Error) {
            expect(outcome).toBeInstanceOf(Failure)
            expect(outcome).toMatchObject({ kind: 'verification' })
          }
        }
      }),
      { numRuns: 2000 },
    )
  })
})
