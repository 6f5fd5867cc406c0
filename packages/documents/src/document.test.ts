// Documents are read strictly: unknown keys are an error, x-* keys are allowed, and every problem is named at once.
import { describe, expect, test } from 'vitest'
import {
  type DigestRecord,
  formatDocument,
  type MergeResult,
  type Plan,
  parseDigestRecord,
  parseMergeResult,
  parsePlan,
  sealPlan,
} from './index.ts'

const digest = `sha256:${'0'.repeat(64)}` as const
const record: DigestRecord = {
  schema: 'polyarch.digest/v1',
  plan: '3f9c0a1b2c3d',
  leg: 'web.linux-amd64',
  image: 'web',
  platform: 'linux/amd64',
  repository: 'ghcr.io/acme/web',
  digest,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  size: 1234,
  configDigest: digest,
  attestations: [{ mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: 5 }],
  engine: { name: 'kaniko', version: '1.28.3' },
  run: { id: '42', attempt: 1 },
}
const merge: MergeResult = {
  schema: 'polyarch.merge/v1',
  plan: null,
  image: 'web',
  digest,
  mediaType: 'application/vnd.oci.image.index.v1+json',
  size: 864,
  platforms: [
    { platform: 'linux/arm/v7', digest, mediaType: record.mediaType, size: 1, layersSize: 2, prebuilt: false },
  ],
  repositories: [{ repository: 'oci:out', tags: [{ tag: 'latest', previous: null, status: 'created' }] }],
}
const plan: Plan = sealPlan({
  source: { repository: null, revision: null, created: null },
  images: [
    {
      id: 'web',
      repositories: ['localhost:5000/web'],
      tags: ['latest'],
      platforms: ['linux/amd64'],
      labels: { 'x-team': 'blue' },
      annotations: { 'x-note': 'kept' },
      build: { context: '.', dockerfile: 'Dockerfile', target: null, args: { 'x-arg': '1' }, remote: null },
      prebuilt: {},
      needs: [],
    },
  ],
  legs: [
    {
      id: 'web.linux-amd64',
      image: 'web',
      platform: 'linux/amd64',
      engine: 'kaniko',
      runner: ['self-hosted', 'x64'],
      native: true,
    },
  ],
  skipped: [{ image: 'docs', reason: 'unchanged since 1a2b3c4' }],
})

const input = (...messages: string[]) =>
  expect.objectContaining({
    kind: 'input',
    message: expect.stringMatching(
      new RegExp(messages.map((text) => text.replaceAll(/[.[\]/()$*+?]/g, '\\$&')).join('.*')),
    ),
  })

const change = (document: object, changes: Record<string, unknown>): string =>
  JSON.stringify({ ...document, ...changes })

describe('a document is read back as it was written', () => {
  test('a plan, with the x-* keys of its labels, annotations and arguments', () => {
    expect(parsePlan(formatDocument(plan), 'plan.json')).toEqual(plan)
  })
  test('a digest record', () => {
    expect(parseDigestRecord(formatDocument(record), 'record.json')).toEqual(record)
    const bare = { ...record, plan: null, leg: null, engine: null, run: null, attestations: [] }
    expect(parseDigestRecord(formatDocument(bare), 'record.json')).toEqual(bare)
  })
  test('a digest record with what the entry of its image says', () => {
    const entry = {
      platform: { os: 'windows', architecture: 'amd64', 'os.version': '10.0.1', 'os.features': ['win32k'] },
      artifactType: 'application/vnd.example',
      annotations: { 'x-note': 'kept' },
    }
    expect(parseDigestRecord(formatDocument({ ...record, entry }), 'record.json')).toEqual({ ...record, entry })
  })
  test('a merge result', () => {
    expect(parseMergeResult(formatDocument(merge), 'web.merge.json')).toEqual(merge)
  })
  test('with a final newline, so that tools can show it', () => {
    expect(formatDocument(record).endsWith('}\n')).toBe(true)
  })
})

describe('keys that the version does not know', () => {
  test.each([
    ['at the top', { colour: 'blue' }, 'record.json: Unrecognized key: "colour"'],
    [
      'inside',
      { engine: { name: 'kaniko', version: '1', colour: 1 } },
      'record.json: engine: Unrecognized key: "colour"',
    ],
    ['beside allowed ones', { 'x-fine': 1, 'y-wrong': 2 }, 'Unrecognized key: "y-wrong"'],
  ])('are an input error %s', (_, changes, message) => {
    expect(() => parseDigestRecord(change(record, changes), 'record.json')).toThrow(input(message))
  })

  test('are allowed as x-*, anywhere, and do not count', () => {
    const text = change(record, {
      'x-mine': { any: 1 },
      engine: { ...record.engine, 'x-build': 7 },
      run: { ...record.run, 'x-url': '' },
    })
    expect(parseDigestRecord(text, 'record.json')).toEqual(record)
    const extended = { ...plan, 'x-top': 1, images: plan.images.map((image) => ({ ...image, 'x-owner': 'me' })) }
    expect(parsePlan(JSON.stringify(extended), 'plan.json')).toEqual(plan)
  })

  test('such as __proto__ change nothing', () => {
    const text = JSON.stringify(record).replace('{', '{"__proto__":{"digest":"x"},')
    expect(() => parseDigestRecord(text, 'record.json')).toThrow(input('record.json'))
  })
})

describe('a document is refused', () => {
  test.each([
    ['that is not JSON', '{', 'record.json: not JSON'],
    ['that is a list', '[]', 'expected a polyarch.digest/v1 document, found none'],
    ['that is null', 'null', 'expected a polyarch.digest/v1 document, found none'],
    ['of another kind', formatDocument(merge), 'expected a polyarch.digest/v1 document, found polyarch.merge/v1'],
    ['of a later version', change(record, { schema: 'polyarch.digest/v2' }), 'found polyarch.digest/v2'],
    ['with a digest that is a path', change(record, { digest: 'sha256:../../x' }), 'digest: expected a digest such as'],
    [
      'with a platform that is not normalised',
      change(record, { platform: 'linux/aarch64' }),
      'platform: "linux/aarch64" is not a normalised platform',
    ],
    ['with an unknown platform', change(record, { platform: 'linux/arm46' }), 'platform: "linux/arm46" is not'],
    [
      'with a repository that has a tag',
      change(record, { repository: 'ghcr.io/acme/web:1' }),
      'repository: "ghcr.io/acme/web:1" is not HOST',
    ],
    ['with an image id that is a path', change(record, { image: '../web' }), 'image: "../web" is not an image id'],
    ['with a leg id that is a path', change(record, { leg: 'a/b' }), 'leg: '],
    ['with a size of text', change(record, { size: '1' }), 'size: '],
    ['with a negative size', change(record, { size: -1 }), 'size: '],
    ['without its attestations', change(record, { attestations: undefined }), 'attestations: '],
    [
      'with a broken attestation',
      change(record, { attestations: [{ mediaType: 'a', digest: 'b', size: 1 }] }),
      'attestations[0].digest: expected a digest',
    ],
    ['with an annotation of 1', change(record, { entry: { annotations: { a: 1 } } }), 'entry.annotations.a: '],
    ['with an artifact type of 1', change(record, { entry: { artifactType: 1 } }), 'entry.artifactType: '],
    [
      'with os.features of text',
      change(record, { entry: { platform: { os: 'windows', architecture: 'amd64', 'os.features': 'win32k' } } }),
      'entry.platform.os.features: ',
    ],
    ['with an entry of another image', change(record, { entry: { digest } }), 'entry: Unrecognized key: "digest"'],
    [
      'with an entry that no index can hold',
      change(record, { entry: { annotations: { a: 'a'.repeat(5_000_000) } } }),
      'entry: larger than',
    ],
    ['with another engine', change(record, { engine: { name: 'docker', version: '1' } }), 'engine.name: '],
  ])('%s', (_, text, message) => {
    expect(() => parseDigestRecord(text, 'record.json')).toThrow(input(message))
  })

  test('with all its problems named at once', () => {
    const text = change(record, { size: -1, digest: 'x', colour: 1 })
    expect(() => parseDigestRecord(text, 'record.json')).toThrow(
      input('digest: ', 'size: ', 'Unrecognized key: "colour"'),
    )
  })

  test('that was changed after planning, as verification', () => {
    const text = JSON.stringify({ ...plan, images: plan.images.map((image) => ({ ...image, tags: ['stolen'] })) })
    expect(() => parsePlan(text, 'plan.json')).toThrow(expect.objectContaining({ kind: 'verification' }))
  })

  test('that is a merge result with a tag that is none', () => {
    const repositories = [{ repository: 'oci:out', tags: [{ tag: 'a b', previous: null, status: 'created' }] }]
    expect(() => parseMergeResult(change(merge, { repositories }), 'm.json')).toThrow(
      input('repositories[0].tags[0].tag: "a b" is not a tag'),
    )
  })
})
