// The same children give the same index, byte for byte.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildIndex, type Descriptor, digestOf, mediaTypes, parseIndex, portableEntry } from './index.ts'

const child = (architecture: string, more: Partial<Descriptor> = {}): Descriptor => ({
  mediaType: mediaTypes.ociManifest,
  digest: digestOf(new TextEncoder().encode(architecture)),
  size: architecture.length,
  platform: { os: 'linux', architecture },
  ...more,
})

/** The same value with its keys in the other order, all the way down. */
const reversed = <T>(value: T): T => {
  if (Array.isArray(value)) return value.map(reversed) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, entry]) => [key, reversed(entry)]),
  ) as T
}

describe('an index', () => {
  test('is written in one form', () => {
    const { bytes, descriptor } = buildIndex(
      [child('amd64'), child('arm', { platform: { os: 'linux', architecture: 'arm', variant: 'v7' } })],
      {
        annotations: { b: '2', a: '1' },
      },
    )
    expect(new TextDecoder().decode(bytes)).toMatchInlineSnapshot(`
      "{
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
          {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": "sha256:5861314d7fccb39c2192173240eab44fa35ca66426201ca2acd0630a6258dd51",
            "size": 5,
            "platform": {
              "architecture": "amd64",
              "os": "linux"
            }
          },
          {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": "sha256:ddf7ff5ebd9d66ce161466c1c0262430fa04de32b0e420ee3f489e2e2112e386",
            "size": 3,
            "platform": {
              "architecture": "arm",
              "os": "linux",
              "variant": "v7"
            }
          }
        ],
        "annotations": {
          "a": "1",
          "b": "2"
        }
      }"
    `)
    expect(descriptor).toEqual({ mediaType: mediaTypes.ociIndex, digest: digestOf(bytes), size: bytes.length })
  })

  test('keeps the order of its children', () => {
    const [one, two] = [child('amd64'), child('arm64')]
    expect(parseIndex(buildIndex([two, one]).bytes).manifests.map((entry) => entry.digest)).toEqual([
      two.digest,
      one.digest,
    ])
    expect(buildIndex([two, one]).descriptor.digest).not.toBe(buildIndex([one, two]).descriptor.digest)
  })

  test('says nothing that is empty, and nothing that does not belong there', () => {
    const loud = { ...child('amd64', { annotations: {} }), data: 'e30=', urls: ['https://example.com'], extra: true }
    expect(buildIndex([loud], { annotations: {} }).bytes).toEqual(buildIndex([child('amd64')]).bytes)
  })

  test('keeps what windows and artifacts add', () => {
    const platform = { os: 'windows', architecture: 'amd64', 'os.version': '10.0.1', 'os.features': ['win32k'] }
    const entry = child('amd64', { platform, artifactType: 'application/vnd.example' })
    expect(parseIndex(buildIndex([entry]).bytes).manifests).toEqual([entry])
  })

  test('can be docker’s manifest list', () => {
    const { bytes, descriptor } = buildIndex([child('amd64')], { mediaType: mediaTypes.dockerList })
    expect(descriptor.mediaType).toBe(mediaTypes.dockerList)
    expect(parseIndex(bytes).mediaType).toBe(mediaTypes.dockerList)
  })

  test('has a size in bytes, not in characters', () => {
    const { bytes, descriptor } = buildIndex([], { annotations: { title: 'größer → 🐳' } })
    expect(descriptor.size).toBe(bytes.length)
    expect(descriptor.size).toBeGreaterThan(new TextDecoder().decode(bytes).length)
  })
})

describe('of an entry that goes into another index', () => {
  const { platform: _, ...bare } = child('amd64')

  test('stays what is said of the image', () => {
    const said = { annotations: { 'com.example.said': 'yes' }, artifactType: 'application/vnd.example' }
    expect(portableEntry(child('amd64', said))).toEqual({ ...bare, ...said })
  })

  test('nothing stays that held only where it was', () => {
    const annotations = {
      'org.opencontainers.image.ref.name': 'latest',
      'io.containerd.image.name': 'docker.io/library/web:latest',
      'containerd.io/distribution.source.docker.io': 'library/web',
      'vnd.docker.reference.digest': bare.digest,
      'vnd.docker.reference.type': 'something else',
    }
    const more = { urls: ['https://example.com'], data: 'e30=', artifactType: mediaTypes.dockerConfig }
    expect(portableEntry(child('amd64', { ...more, annotations }))).toEqual(bare)
  })

  test('an attestation keeps what makes it one', () => {
    const annotations = {
      'vnd.docker.reference.digest': bare.digest,
      'vnd.docker.reference.type': 'attestation-manifest',
    }
    const entry = child('amd64', { annotations: { ...annotations, 'org.opencontainers.image.ref.name': 'latest' } })
    expect(portableEntry(entry)).toEqual({ ...bare, annotations })
  })
})

test('for all children, the order of keys makes no difference and the index is read back', () => {
  const annotations = fc.dictionary(fc.string(), fc.string()).filter((entries) => !Object.hasOwn(entries, '__proto__'))
  const anyChild = fc
    .tuple(fc.constantFrom('amd64', 'arm64', 's390x'), annotations)
    .map(([architecture, entries]) =>
      child(architecture, Object.keys(entries).length === 0 ? {} : { annotations: entries }),
    )
  fc.assert(
    fc.property(fc.array(anyChild), annotations, (children, own) => {
      const { bytes } = buildIndex(children, { annotations: own })
      expect(buildIndex(reversed(children), { annotations: reversed(own) }).bytes).toEqual(bytes)
      expect(parseIndex(bytes).manifests).toEqual(children)
    }),
  )
})
