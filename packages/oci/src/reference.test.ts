// References against distribution's grammar (distribution/reference, regexp.go), and the locations of stores.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  digestOf,
  formatReference,
  formatRepository,
  formatStoreLocation,
  isLoopback,
  isRepositoryName,
  isTag,
  parseContentLocation,
  parseFamiliarReference,
  parseReference,
  parseStoreLocation,
} from './index.ts'

const digest = digestOf(new Uint8Array())

describe('a reference is', () => {
  test.each([
    ['ghcr.io/acme/web', { host: 'ghcr.io', name: 'acme/web' }],
    ['ghcr.io/acme/web:1.2.3', { host: 'ghcr.io', name: 'acme/web', tag: '1.2.3' }],
    [`ghcr.io/acme/web@${digest}`, { host: 'ghcr.io', name: 'acme/web', digest }],
    [`ghcr.io/acme/web:v1@${digest}`, { host: 'ghcr.io', name: 'acme/web', tag: 'v1', digest }],
    ['localhost/web', { host: 'localhost', name: 'web' }],
    ['localhost:5000/web:latest', { host: 'localhost:5000', name: 'web', tag: 'latest' }],
    ['127.0.0.1:5000/a/b/c', { host: '127.0.0.1:5000', name: 'a/b/c' }],
    ['[::1]:5000/web:1', { host: '[::1]:5000', name: 'web', tag: '1' }],
    ['Registry.Example.COM/web', { host: 'Registry.Example.COM', name: 'web' }],
    ['example.com/a.b_c__d-e---f/0', { host: 'example.com', name: 'a.b_c__d-e---f/0' }],
    ['xn--n3h.example/web', { host: 'xn--n3h.example', name: 'web' }],
    [`example.com/web:${'t'.repeat(128)}`, { host: 'example.com', name: 'web', tag: 't'.repeat(128) }],
    ['example.com/web:_under.score-', { host: 'example.com', name: 'web', tag: '_under.score-' }],
    [' ghcr.io/acme/web\n', { host: 'ghcr.io', name: 'acme/web' }],
  ])('%s', (text, reference) => {
    expect(parseReference(text)).toEqual(reference)
  })

  test.each([
    ['', 'expected HOST'],
    ['web', 'expected HOST'],
    ['acme/web', 'expected HOST'],
    ['/web', 'expected HOST'],
    ['https://ghcr.io/acme/web', 'expected HOST'],
    ['-bad.example/web', 'expected HOST'],
    ['exa_mple.com/web', 'expected HOST'],
    ['user:password@ghcr.io/web', 'expected HOST'],
    ['ghcr.io:port/web', 'expected HOST'],
    ['ghcr.io', 'expected HOST'],
    ['ghcr.io/', 'is not a repository name'],
    ['ghcr.io//web', 'is not a repository name'],
    ['ghcr.io/web/', 'is not a repository name'],
    ['ghcr.io/Acme/web', 'is not a repository name'],
    ['ghcr.io/a..b', 'is not a repository name'],
    ['ghcr.io/a___b', 'is not a repository name'],
    ['ghcr.io/-a', 'is not a repository name'],
    ['ghcr.io/a-', 'is not a repository name'],
    ['ghcr.io/../../etc', 'is not a repository name'],
    ['localhost:99999/web', '"localhost:99999" can be no host'],
    ['[:::::]/web', 'can be no host'],
    ['10.0.0.256/web', 'can be no host'],
    ['web.1:5000/web', 'can be no host'],
    ['ghcr.io/a b', 'is not a repository name'],
    ['ghcr.io/a?b', 'is not a repository name'],
    ['ghcr.io/a%2fb', 'is not a repository name'],
    ['ghcr.io/a:b:c', 'is not a repository name'],
    [`ghcr.io/${'a'.repeat(256)}`, 'is not a repository name'],
    ['ghcr.io/web:', '"" is not a tag'],
    ['ghcr.io/web:.hidden', 'is not a tag'],
    ['ghcr.io/web:a/b', 'is not a repository name'],
    ['ghcr.io/web:täg', 'is not a tag'],
    [`ghcr.io/web:${'t'.repeat(129)}`, 'is not a tag'],
    ['ghcr.io/web@', '"" is not a digest'],
    ['ghcr.io/web@sha256:abc', 'is not a digest'],
    [`ghcr.io/web@${digest}@${digest}`, 'is not a digest'],
    [`ghcr.io/web@${digest}:tag`, 'is not a digest'],
  ])('not %j: %s', (text, why) => {
    expect(() => parseReference(text)).toThrow(
      expect.objectContaining({ kind: 'input', message: expect.stringContaining(why) }),
    )
  })
})

test.each([
  ['alpine', 'docker.io/library/alpine'],
  ['alpine:3', 'docker.io/library/alpine:3'],
  ['acme/web', 'docker.io/acme/web'],
  ['acme/web:1', 'docker.io/acme/web:1'],
  ['localhost/web', 'localhost/web'],
  ['localhost:5000/web', 'localhost:5000/web'],
  ['ghcr.io/acme/web', 'ghcr.io/acme/web'],
  [`alpine@${digest}`, `docker.io/library/alpine@${digest}`],
])('a Dockerfile that says %s means %s', (written, meant) => {
  expect(formatReference(parseFamiliarReference(written))).toBe(meant)
})

describe('a store is', () => {
  test.each([
    ['ghcr.io/acme/web', { kind: 'registry', repository: { host: 'ghcr.io', name: 'acme/web' } }],
    ['oci:out', { kind: 'layout', directory: 'out' }],
    ['oci:/var/out:put', { kind: 'layout', directory: '/var/out:put' }],
    ['oci:out/me@work', { kind: 'layout', directory: 'out/me@work' }],
  ])('%s', (text, location) => {
    expect(parseStoreLocation(text)).toEqual(location)
    expect(formatStoreLocation(parseStoreLocation(text))).toBe(text)
  })

  test.each(['oci:', 'ghcr.io/acme/web:1', `ghcr.io/acme/web@${digest}`, 'web', 'oci'])('not %s', (text) => {
    expect(() => parseStoreLocation(text)).toThrow(expect.objectContaining({ kind: 'input' }))
  })
})

describe('content is', () => {
  test.each([
    [
      'ghcr.io/acme/web:1',
      { store: { kind: 'registry', repository: { host: 'ghcr.io', name: 'acme/web' } }, tag: '1' },
    ],
    ['oci:out:1', { store: { kind: 'layout', directory: 'out' }, tag: '1' }],
    [`oci:out@${digest}`, { store: { kind: 'layout', directory: 'out' }, digest }],
    ['oci:/home/me@work/out:1', { store: { kind: 'layout', directory: '/home/me@work/out' }, tag: '1' }],
    [`oci:./out:1@${digest}`, { store: { kind: 'layout', directory: './out' }, tag: '1', digest }],
  ])('%s', (text, location) => {
    expect(parseContentLocation(text)).toEqual(location)
  })

  test.each([
    'ghcr.io/acme/web',
    'localhost:5000/web',
    'oci:out',
    'oci:out/deep',
    'oci:',
    'oci:out:not a tag',
    'oci:out@sha256:1',
  ])('not %s', (text) => {
    expect(() => parseContentLocation(text)).toThrow(expect.objectContaining({ kind: 'input' }))
  })
})

test.each([
  ['localhost', true],
  ['localhost:5000', true],
  ['registry.localhost:80', true],
  ['127.0.0.1', true],
  ['127.8.9.10:5000', true],
  ['[::1]:5000', true],
  ['localhost.example.com', false],
  ['mylocalhost', false],
  ['127.0.0.1.example.com', false],
  ['128.0.0.1', false],
  ['ghcr.io', false],
])('%s is this machine: %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected)
})

describe('for all references', () => {
  const word = fc.stringMatching(/^[a-z0-9]{1,8}$/)
  const separator = fc.constantFrom('.', '_', '__', '-', '---')
  const component = fc
    .tuple(word, fc.array(fc.tuple(separator, word), { maxLength: 3 }))
    .map(([first, rest]) => first + rest.map(([between, next]) => between + next).join(''))
  const name = fc.array(component, { minLength: 1, maxLength: 5 }).map((components) => components.join('/'))
  const port = fc.option(fc.nat(65_535), { nil: undefined })
  const host = fc
    .tuple(fc.oneof(fc.domain(), fc.ipV4(), fc.constant('localhost')), port)
    .map(([domain, number]) => (number === undefined ? domain : `${domain}:${number}`))
  const tag = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}$/)
  const reference = fc
    .record({ host, name, tag, digest: fc.uint8Array().map(digestOf) }, { requiredKeys: ['host', 'name'] })
    .filter((parts) => parts.name.length <= 255)

  test('what the grammar allows is read, and written back as it was', () => {
    fc.assert(
      fc.property(reference, (parts) => {
        expect(isRepositoryName(parts.name)).toBe(true)
        const text = formatReference(parts)
        expect(parseReference(text)).toEqual(parts)
        expect(parseFamiliarReference(text)).toEqual(parts)
        expect(parseStoreLocation(formatRepository(parts))).toMatchObject({ kind: 'registry' })
      }),
    )
  })

  test('what is read is a URL path that nothing escapes from', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), (text) => {
        for (const parse of [parseReference, parseFamiliarReference]) {
          let parsed: ReturnType<typeof parse>
          try {
            parsed = parse(text)
          } catch (error) {
            expect(error).toMatchObject({ kind: 'input' })
            continue
          }
          const url = new URL(`https://registry.example/v2/${parsed.name}/manifests/${parsed.tag ?? 'x'}`)
          expect(url.pathname).toBe(`/v2/${parsed.name}/manifests/${parsed.tag ?? 'x'}`)
          if (parsed.tag !== undefined) expect(isTag(parsed.tag)).toBe(true)
        }
      }),
      { numRuns: 1000 },
    )
  })
})
