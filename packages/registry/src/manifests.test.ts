// Manifests, tags and referrers of servers that leave things out, page, or say one thing and send another.
import { buildIndex, type Descriptor, mediaTypes, type StoreError } from '@polyarch/oci'
import { sampleImage, sampleManifest } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { type FakeReply, type FakeScript, startFakeServer } from './testing/fake-server.ts'
import { errorOf, openTestClient } from './testing/samples.ts'

const image = sampleImage({ os: 'linux', architecture: 'amd64' }).manifest
const { digest, size, mediaType } = image.descriptor

const send = (headers: Record<string, string> = {}, body: Uint8Array = image.bytes): FakeReply => ({
  status: 200,
  headers: { 'content-type': mediaType, ...headers },
  body,
})

describe('a manifest', () => {
  test('is resolved by one HEAD that says what is accepted', async () => {
    await using server = await startFakeServer(() => send({ 'docker-content-digest': digest }))
    await using test = openTestClient()
    expect(await test.open(server.host).resolveManifest('v1')).toEqual({ mediaType, digest, size })
    expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['HEAD /v2/acme/web/manifests/v1'])
    for (const type of [mediaTypes.ociIndex, mediaTypes.dockerList, mediaTypes.ociManifest, mediaTypes.dockerManifest])
      expect(server.requests[0]?.headers.accept).toContain(type)
  })

  test.each<[string, FakeScript]>([
    ['no digest', () => send()],
    ['a digest that is none', () => send({ 'docker-content-digest': 'sha256:nonsense' })],
    ['no type of a manifest', () => send({ 'docker-content-digest': digest, 'content-type': 'application/json' })],
    ['nothing at all', ({ method }) => (method === 'HEAD' ? { status: 405 } : send())],
  ])('is read where the answer to HEAD has %s', async (_, script) => {
    await using server = await startFakeServer(script)
    await using test = openTestClient()
    expect(await test.open(server.host).resolveManifest('v1')).toEqual({ mediaType, digest, size })
  })

  test('of a digest needs no digest in the answer, and none other', async () => {
    await using plain = await startFakeServer(() => send())
    await using other = await startFakeServer(() => send({ 'docker-content-digest': `sha256:${'0'.repeat(64)}` }))
    await using test = openTestClient()
    expect((await test.open(plain.host).resolveManifest(digest)).digest).toBe(digest)
    expect(plain.requests).toHaveLength(1)
    const error = (await errorOf(test.open(other.host).resolveManifest(digest))) as StoreError
    expect(error.code).toBe('DIGEST_INVALID')
  })

  test.each<[string, string, FakeReply, string]>([
    ['other bytes than its digest', digest, send({}, Buffer.from('{"schemaVersion":2}')), 'DIGEST_INVALID'],
    [
      'other bytes than the header says',
      'v1',
      send({ 'docker-content-digest': `sha256:${'0'.repeat(64)}` }),
      'DIGEST_INVALID',
    ],
    ['another type than it says of itself', 'v1', send({ 'content-type': mediaTypes.ociIndex }), 'MANIFEST_INVALID'],
    [
      'a type of long ago',
      'v1',
      send(
        { 'content-type': 'application/vnd.docker.distribution.manifest.v1+prettyjws' },
        Buffer.from('{"schemaVersion":1}'),
      ),
      'MANIFEST_INVALID',
    ],
  ])('with %s is refused', async (_, reference, reply, code) => {
    await using server = await startFakeServer(() => reply)
    await using test = openTestClient()
    const error = (await errorOf(test.open(server.host).getManifest(reference))) as StoreError
    expect([error.code, error.kind]).toEqual([code, 'verification'])
    expect(error.message).toContain(`${server.host}/acme/web`)
    expect(server.requests).toHaveLength(1)
  })

  test('that breaks off is read again', async () => {
    let cut = true
    await using server = await startFakeServer(() => {
      const reply = cut ? { ...send(), cutAfter: 20 } : send()
      cut = false
      return reply
    })
    await using test = openTestClient()
    expect((await test.open(server.host).getManifest('v1')).descriptor.digest).toBe(digest)
    expect(test.retries).toHaveLength(1)
  })

  test('that the registry stores with other bytes is an error', async () => {
    await using server = await startFakeServer(() => ({
      status: 201,
      headers: { 'docker-content-digest': `sha256:${'0'.repeat(64)}` },
    }))
    await using test = openTestClient()
    const error = (await errorOf(test.open(server.host).pushManifest(image, 'v1'))) as StoreError
    expect(error.code).toBe('DIGEST_INVALID')
    expect(error.message).toContain('it changed its bytes')
  })

  test('that is deleted by a request whose answer is lost is gone', async () => {
    let deleted = false
    await using server = await startFakeServer(() => {
      if (deleted) return { status: 404 }
      deleted = true
      return 'reset'
    })
    await using test = openTestClient()
    await test.open(server.host).deleteManifest(digest)
    expect(server.requests).toHaveLength(2)
  })

  test('of a registry that lists what it lacks makes known that it looks', async () => {
    let lenient = true
    const errors = [{ code: 'MANIFEST_BLOB_UNKNOWN', detail: `sha256:${'1'.repeat(64)}` }]
    await using server = await startFakeServer(() =>
      lenient ? { status: 201 } : { status: 400, body: JSON.stringify({ errors }) },
    )
    await using test = openTestClient()
    const store = test.open(server.host)
    await store.pushManifest(image)
    expect(store.refusesMissingContent).toBe(false)
    lenient = false
    await errorOf(store.pushManifest(image))
    expect([store.refusesMissingContent, test.open(server.host, 'acme/api').refusesMissingContent]).toEqual([
      true,
      true,
    ])
  })
})

describe('an immutable tag', () => {
  const refuse =
    (status: number, code: string, holds: string): FakeScript =>
    ({ method }) =>
      method === 'PUT'
        ? { status, body: JSON.stringify({ errors: [{ code, message: 'the tag v1 already exists' }] }) }
        : send({ 'docker-content-digest': holds })

  test.each([
    [400, 'TAG_INVALID'],
    [412, 'PRECONDITION'],
    [403, 'DENIED'],
    [409, 'CONFLICT'],
  ])('that has the digest already is no failure (%d %s)', async (status, code) => {
    await using server = await startFakeServer(refuse(status, code, digest))
    await using test = openTestClient()
    await test.open(server.host).pushManifest(image, 'v1')
    expect(server.requests.map(({ method }) => method)).toEqual(['PUT', 'HEAD'])
  })

  test('that has another is the registry’s refusal', async () => {
    await using server = await startFakeServer(refuse(400, 'TAG_INVALID', `sha256:${'0'.repeat(64)}`))
    await using test = openTestClient()
    const error = (await errorOf(test.open(server.host).pushManifest(image, 'v1'))) as StoreError
    expect([error.code, error.message.endsWith('the tag v1 already exists')]).toEqual(['TAG_INVALID', true])
  })
})

describe('tags', () => {
  const list = (tags: unknown, link?: string): FakeReply => ({
    status: 200,
    headers: link === undefined ? {} : { link },
    body: JSON.stringify({ name: 'acme/web', tags }),
  })
  const tagsOf = async (script: FakeScript): Promise<readonly string[]> => {
    await using server = await startFakeServer(script)
    await using test = openTestClient()
    return await test.open(server.host).listTags()
  }

  test('are read page by page', async () => {
    const pages: Record<string, FakeReply> = {
      '/v2/acme/web/tags/list': list(['a', 'b'], '</v2/acme/web/tags/list?last=b&n=2>; rel="next"'),
      '/v2/acme/web/tags/list?last=b&n=2': list(['c', 'd'], '<list?last=d>; rel=next'),
      '/v2/acme/web/tags/list?last=d': list(['e']),
    }
    expect(await tagsOf(({ path }) => pages[path])).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  test.each<[string, FakeReply, readonly string[]]>([
    ['no list', list(null), []],
    ['no such repository yet', { status: 404, body: '{"errors":[{"code":"NAME_UNKNOWN"}]}' }, []],
    ['404 without a word', { status: 404 }, []],
    ['what are no tags', list(['ok', 7, '../../x', null]), ['ok']],
  ])('are few where the server has %s', async (_, reply, expected) => {
    expect(await tagsOf(() => reply)).toEqual(expected)
  })

  test('end where the pages go round in a circle', async () => {
    expect(await tagsOf(() => list(['a'], '</v2/acme/web/tags/list?last=a>; rel="next"'))).toEqual(['a', 'a'])
  })

  test('are as many as one page can name', async () => {
    const count = 500_000
    const body = `{"tags":[${'"a",'.repeat(count - 1)}"a"]}`
    expect(await tagsOf(() => ({ status: 200, body }))).toHaveLength(count)
  })

  test('that do not end are given up, in one sentence', async () => {
    let page = 0
    await using server = await startFakeServer(() => {
      page += 1
      return list(
        Array.from({ length: 50_000 }, (_, tag) => `t${page}.${tag}${'x'.repeat(50)}`),
        `<list?last=${page}>; rel="next"`,
      )
    })
    await using test = openTestClient()
    const { message } = await errorOf(test.open(server.host).listTags())
    expect(message).toMatch(/acme\/web: the listing does not end: given up after \d+ pages with \d+ bytes/)
    expect(server.requests.length).toBeLessThan(30)
  })

  test('that are no JSON are an error', async () => {
    await using server = await startFakeServer(() => ({ status: 200, body: '<html>' }))
    await using test = openTestClient()
    expect((await errorOf(test.open(server.host).listTags())).message).toContain('the list of tags is not JSON')
  })
})

describe('referrers', () => {
  const signature: Descriptor = {
    ...sampleManifest({ mediaType: mediaTypes.ociManifest }).descriptor,
    artifactType: 'application/x',
  }
  const index = buildIndex([signature])

  test('come from the API where there is one, page by page', async () => {
    await using server = await startFakeServer(({ path }) => ({
      status: 200,
      headers: {
        'content-type': mediaTypes.ociIndex,
        ...(path.includes('?') ? {} : { link: `<${path}?page=2>; rel="next"` }),
      },
      body: index.bytes,
    }))
    await using test = openTestClient()
    expect(await test.open(server.host).listReferrers(digest)).toEqual([signature, signature])
  })

  test.each<[string, FakeReply]>([
    ['404', { status: 404 }],
    ['a web page', { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' }],
  ])('come from the fallback tag where the API answers %s, which is asked only once', async (_, reply) => {
    await using server = await startFakeServer(({ path }) =>
      path.includes('/referrers/') ? reply : send({ 'content-type': mediaTypes.ociIndex }, index.bytes),
    )
    await using test = openTestClient()
    const store = test.open(server.host)
    expect(await store.listReferrers(digest)).toEqual([signature])
    expect(await store.listReferrers(digest)).toEqual([signature])
    const tag = `/v2/acme/web/manifests/${digest.replace(':', '-')}`
    const paths = server.requests.map(({ path }) => path)
    expect(paths.toSorted()).toEqual([tag, tag, `/v2/acme/web/referrers/${digest}`])
  })
})
