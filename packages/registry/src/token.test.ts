// Tokens: asked for once, renewed in time, and anew where a registry takes them no more.
import { randomBytes } from 'node:crypto'
import type { StoreError } from '@polyarch/oci'
import { sampleBlob, sampleContent, sampleImage } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { createFakeRegistry } from './testing/fake-registry.ts'
import { startFakeServer } from './testing/fake-server.ts'
import { errorOf, openTestClient } from './testing/samples.ts'
import { startTokenPair } from './testing/token-pair.ts'

const image = sampleImage({ os: 'linux', architecture: 'amd64' })
const login = { username: 'ada', password: 'open sesame' }

describe('a token', () => {
  test('is asked for where the challenge says, with the login, for what is needed', async () => {
    await using pair = await startTokenPair()
    await using test = openTestClient({ login: async () => login })
    await test.open(pair.registry.host).pushManifest(image.manifest, 'v1')
    const [request] = pair.tokens.requests
    expect(request?.path).toBe('/token?service=fake&scope=repository%3Aacme%2Fweb%3Apull%2Cpush')
    expect(request?.headers.authorization).toBe(`Basic ${Buffer.from('ada:open sesame').toString('base64')}`)
    // The registry itself never sees the password.
    expect(pair.registry.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, 'Bearer token-1'])
  })

  test('is renewed before it expires', async () => {
    await using pair = await startTokenPair({ expiresIn: 60 })
    await using test = openTestClient({ login: async () => login })
    const store = test.open(pair.registry.host)
    await store.pushManifest(image.manifest, 'v1')
    test.clock.advance(49_000)
    await store.pushManifest(image.manifest, 'v1')
    expect(pair.tokens.requests).toHaveLength(1)
    test.clock.advance(2000)
    await store.pushManifest(image.manifest, 'v1')
    expect(pair.tokens.requests).toHaveLength(2)
    expect(pair.registry.requests.map(({ headers }) => headers.authorization)).toEqual([
      undefined,
      'Bearer token-1',
      'Bearer token-1',
      'Bearer token-2',
    ])
  })

  test('that the registry no longer takes is renewed in the middle of an upload', async () => {
    let accepted = 'token-1'
    await using pair = await startTokenPair({
      accepts: (token) => {
        const good = token === accepted
        // The token dies between the request that opens the upload and the one that brings the bytes.
        if (good) accepted = 'token-2'
        return good
      },
    })
    await using test = openTestClient({ login: async () => login })
    const { bytes, descriptor } = sampleBlob(randomBytes(300_000))
    await test.open(pair.registry.host).pushBlob(descriptor, sampleContent(bytes))
    const last = pair.registry.requests.at(-1)
    expect([last?.method, last?.headers.authorization, last?.body.equals(bytes)]).toEqual([
      'PUT',
      'Bearer token-2',
      true,
    ])
    expect(test.retries).toEqual([])
  })

  test('is asked for anew where the registry takes none of those that are held any more', async () => {
    let revoked = 0
    await using pair = await startTokenPair({ accepts: (token) => Number(token.slice('token-'.length)) > revoked })
    await using test = openTestClient({ login: async () => login })
    const store = test.open(pair.registry.host)
    // One to pull, one to push, and one for a mount.
    await errorOf(store.resolveManifest('v1'))
    await store.pushManifest(image.manifest)
    const { bytes, descriptor } = image.config
    const mountFrom = [{ host: pair.registry.host, name: 'acme/base' }]
    await store.pushBlob(descriptor, sampleContent(bytes), { mountFrom })
    expect(pair.tokens.requests).toHaveLength(3)
    revoked = 3
    expect(await errorOf(store.resolveManifest('v1'))).toMatchObject({ code: 'MANIFEST_UNKNOWN' })
    expect(pair.tokens.requests).toHaveLength(4)
    expect(pair.registry.requests.slice(-2).map(({ headers }) => headers.authorization)).toEqual([
      'Bearer token-1',
      'Bearer token-4',
    ])
  })

  test('is asked for anew once by many requests that find theirs revoked at the same time', async () => {
    let revoked = 0
    await using pair = await startTokenPair({ accepts: (token) => Number(token.slice('token-'.length)) > revoked })
    await using test = openTestClient({ login: async () => login })
    const store = test.open(pair.registry.host)
    await store.pushManifest(image.manifest)
    revoked = 1
    await Promise.all(Array.from({ length: 20 }, (_, index) => store.pushManifest(image.manifest, `v${index}`)))
    expect(pair.tokens.requests).toHaveLength(2)
  })

  test('that a login was given for one place is not used at another, which has a login of its own', async () => {
    const allowed: Readonly<Record<string, readonly string[]>> = { ada: ['acme/a'], bob: ['acme/b', 'acme/c'] }
    // A token that says what it allows: of what was asked for, what the login may do.
    await using tokens = await startFakeServer(({ path, headers }) => {
      const asked = new URL(path, 'http://fake').searchParams.getAll('scope')
      const [name = ''] = Buffer.from(headers.authorization?.slice('Basic '.length) ?? '', 'base64')
        .toString()
        .split(':')
      const granted = asked.filter((scope) => allowed[name]?.includes(scope.split(':')[1] ?? ''))
      return {
        status: 200,
        body: JSON.stringify({ token: Buffer.from(granted.join(' ')).toString('base64url') || '-' }),
      }
    })
    const content = createFakeRegistry()
    await using registry = await startFakeServer((request) => {
      const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
      const name = /^\/v2\/(acme\/.)\//.exec(request.path)?.[1]
      return Buffer.from(token, 'base64url').toString().includes(`repository:${name}:`)
        ? content(request)
        : { status: 401, headers: { 'www-authenticate': `Bearer realm="${tokens.origin}/token"` } }
    })
    await using test = openTestClient({
      login: async (_, name) => ({ username: name === 'acme/a' ? 'ada' : 'bob', password: 'open sesame' }),
    })
    const mountFrom = [{ host: registry.host, name: 'acme/a' }]
    const { bytes, descriptor } = image.config
    for (const name of ['acme/b', 'acme/c'])
      await test.open(registry.host, name).pushBlob(descriptor, sampleContent(bytes), { mountFrom })
    expect(await errorOf(test.open(registry.host, 'acme/a').resolveManifest('v1'))).toMatchObject({
      code: 'MANIFEST_UNKNOWN',
    })
  })

  test('is asked for once by many requests that need it at the same time', async () => {
    await using pair = await startTokenPair()
    await using test = openTestClient({ login: async () => login })
    const store = test.open(pair.registry.host)
    await Promise.all(Array.from({ length: 20 }, (_, index) => store.pushManifest(image.manifest, `v${index}`)))
    expect(pair.tokens.requests).toHaveLength(1)
  })

  test('of a server that is busy is asked for again', async () => {
    let busy = true
    await using pair = await startTokenPair({
      answer: (_, token) => {
        const status = busy ? 429 : 200
        busy = false
        return { status, body: JSON.stringify({ access_token: token }) }
      },
    })
    await using test = openTestClient()
    await test.open(pair.registry.host).pushManifest(image.manifest, 'v1')
    expect(test.retries).toHaveLength(1)
    expect(test.retries[0]).toContain('/token')
  })

  test('that is never accepted ends in one sentence', async () => {
    await using pair = await startTokenPair({ accepts: () => false })
    await using test = openTestClient({ login: async () => login })
    const error = (await errorOf(test.open(pair.registry.host).pushManifest(image.manifest))) as StoreError
    expect(error.kind).toBe('denied')
    expect(error.message).toContain(`the login that is configured for ${pair.registry.host} is not allowed to do this`)
    expect(pair.registry.requests.length).toBeLessThan(5)
  })

  test.each([
    ['no JSON', 'sorry', 'did not answer in JSON'],
    ['no token', '{}', 'gave no token'],
    ['a header', '{"token":"a\\r\\nX-Evil: 1"}', 'gave no token'],
    ['a list', '[]', 'gave no token'],
  ])('server that answers with %s is named', async (_, body, expected) => {
    await using pair = await startTokenPair({ answer: () => ({ status: 200, body }) })
    await using test = openTestClient()
    const error = await errorOf(test.open(pair.registry.host).pushManifest(image.manifest))
    expect(error.message).toContain(expected)
    expect(error.message).toContain(pair.registry.host)
  })
})
