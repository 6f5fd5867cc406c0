// Logging in: to real registries with passwords and tokens, and to fakes that lure.
import { randomBytes } from 'node:crypto'
import type { StoreError } from '@polyarch/oci'
import { lacks, pushSampleImage, sampleBlob, sampleContent, sampleImage, startRegistry } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { startFakeServer } from './testing/fake-server.ts'
import { errorOf, openTestClient } from './testing/samples.ts'
import { startTokenPair } from './testing/token-pair.ts'

const image = sampleImage({ os: 'linux', architecture: 'amd64' })
const login = { username: 'ada', password: 'open sesame' }

describe.skipIf(lacks('docker-registry'))('a real registry', () => {
  test('with passwords takes the right one, and refuses others without showing them', async () => {
    await using registry = await startRegistry({ auth: 'htpasswd' })
    await using right = openTestClient({ login: async () => registry.login })
    await pushSampleImage(right.open(registry.host), image, 'v1')

    const wrong = { username: 'ada', password: 'wrong-secret' }
    await using other = openTestClient({ login: async () => wrong })
    const error = (await errorOf(other.open(registry.host).resolveManifest('v1'))) as StoreError
    expect([error.code, error.kind]).toEqual(['UNAUTHORIZED', 'denied'])
    expect(error.message).toContain(`${registry.host}/acme/web`)
    expect(error.message).toContain(`${registry.host} refuses the login`)
    expect(error.message).not.toMatch(/wrong-secret|d3Jvbmct/)

    await using anonymous = openTestClient()
    const nobody = await errorOf(anonymous.open(registry.host).resolveManifest('v1'))
    expect(nobody.message).toContain(`none is configured for ${registry.host}`)
  })

  test('with tokens gets one token for pulling and one for pushing, however much is pushed', async () => {
    await using registry = await startRegistry({ auth: 'token' })
    await using test = openTestClient({ login: async () => registry.login })
    const store = test.open(registry.host)
    const layers = Array.from({ length: 20 }, () => randomBytes(100))
    const large = sampleImage({ os: 'linux', architecture: 'amd64' }, layers)
    await Promise.all(
      [large.config, ...large.layers].map((blob) => store.pushBlob(blob.descriptor, sampleContent(blob.bytes))),
    )
    await store.pushManifest(large.manifest, 'v1')
    await store.getManifest('v1')
    expect(registry.tokens?.requests().map(({ scopes }) => scopes)).toEqual([['repository:acme/web:pull,push']])
  })

  test('with tokens refuses a wrong login even for a public pull', async () => {
    await using registry = await startRegistry({ auth: 'token', anonymousPull: true })
    await using right = openTestClient({ login: async () => registry.login })
    await pushSampleImage(right.open(registry.host), image, 'v1')
    await using anonymous = openTestClient()
    expect((await anonymous.open(registry.host).resolveManifest('v1')).digest).toBe(image.manifest.descriptor.digest)
    await using wrong = openTestClient({ login: async () => ({ username: 'ada', password: 'wrong-secret' }) })
    const error = (await errorOf(wrong.open(registry.host).resolveManifest('v1'))) as StoreError
    expect([error.code, error.kind]).toEqual(['UNAUTHORIZED', 'denied'])
    expect(error.message).not.toContain('wrong-secret')
  })

  test('with tokens says who may not push', async () => {
    await using registry = await startRegistry({ auth: 'token', anonymousPull: true })
    await using anonymous = openTestClient()
    const error = (await errorOf(pushSampleImage(anonymous.open(registry.host), image))) as StoreError
    expect(error.kind).toBe('denied')
    expect(error.message).toContain(`${registry.host}/acme/web`)
    expect(error.message).toContain('no login is configured')
  })

  test('takes an identity token for an access token by OAuth2', async () => {
    await using registry = await startRegistry({ auth: 'token' })
    const identityToken = registry.tokens?.refreshToken ?? ''
    await using test = openTestClient({ login: async () => ({ identityToken }) })
    await pushSampleImage(test.open(registry.host), image, 'v1')
    expect(registry.tokens?.requests().map(({ method, proof }) => [method, proof])).toEqual([['POST', 'refresh_token']])
  })

  test('with tokens shows what is not there yet to a store that is opened to be written, with the token of its writes', async () => {
    await using registry = await startRegistry({ auth: 'token', hidesNew: true })
    await using reading = openTestClient({ login: async () => registry.login })
    expect(await errorOf(reading.open(registry.host).resolveManifest('v1'))).toMatchObject({ code: 'DENIED' })

    await using writing = openTestClient({ login: async () => registry.login })
    const store = writing.open(registry.host, 'acme/web', 'write')
    const { config, manifest } = image
    expect(await errorOf(store.resolveManifest('v1'))).toMatchObject({ code: 'MANIFEST_UNKNOWN' })
    expect(await store.resolveBlob(config.descriptor.digest)).toBeUndefined()
    await pushSampleImage(store, image)
    await store.placeManifest(manifest, ['v1'])
    expect(await store.listTags()).toEqual(['v1'])
    expect(registry.tokens?.requests().map(({ scopes, status }) => [...scopes, status])).toEqual([
      ['repository:acme/web:pull', 403],
      ['repository:acme/web:pull,push', 200],
    ])
  })

  test('with tokens is read by who may only read, also where the store is opened to be written', async () => {
    await using registry = await startRegistry({ auth: 'token', anonymousPull: true })
    await using right = openTestClient({ login: async () => registry.login })
    await pushSampleImage(right.open(registry.host), image, 'v1')
    await using anonymous = openTestClient()
    const store = anonymous.open(registry.host, 'acme/web', 'write')
    expect((await store.getManifest('v1')).descriptor.digest).toBe(image.manifest.descriptor.digest)
    expect(await errorOf(store.pushManifest(image.manifest, 'v2'))).toMatchObject({ code: 'UNAUTHORIZED' })
  })

  test('mounts with a token for both repositories', async () => {
    await using registry = await startRegistry({ auth: 'token' })
    await using test = openTestClient({ login: async () => registry.login })
    const { bytes, descriptor } = sampleBlob('shared')
    await test.open(registry.host, 'acme/base').pushBlob(descriptor, sampleContent(bytes))
    expect(await test.open(registry.host).pushBlob(descriptor, sampleContent(bytes))).toBe('mounted')
    expect(registry.tokens?.requests().at(-1)?.scopes.toSorted()).toEqual([
      'repository:acme/base:pull',
      'repository:acme/web:pull,push',
    ])
  })
})

test.each(['', '/token', 'gopher://x'])(
  'a registry whose token server is "%s" gets the password that it also takes',
  async (realm) => {
    const challenges = [`Bearer realm="${realm}",service="fake"`, 'Basic realm="fake"']
    await using registry = await startFakeServer(({ headers }) =>
      headers.authorization?.startsWith('Basic ')
        ? { status: 201 }
        : { status: 401, headers: { 'www-authenticate': challenges } },
    )
    await using test = openTestClient({ login: async () => login })
    await test.open(registry.host).pushManifest(image.manifest)
    expect(registry.requests).toHaveLength(2)
  },
)

describe('the login goes nowhere else', () => {
  const challenge = (realm: string) => () => ({
    status: 401,
    headers: { 'www-authenticate': `Bearer realm="${realm}"` },
  })

  test('not to a token server without TLS', async () => {
    await using registry = await startFakeServer(challenge('http://tokens.example/token'))
    await using test = openTestClient({ login: async () => login })
    const error = (await errorOf(test.open(registry.host).resolveManifest('v1'))) as StoreError
    expect(error.kind).toBe('denied')
    expect(error.message).toContain('tokens.example without TLS: name tokens.example in insecure-registries')
    expect(error.message).not.toContain('sesame')
  })

  test.each([
    ['a password', login],
    ['a refresh token', { identityToken: 'open-sesame-token' }],
  ])('not with a redirect of the token server to another origin: %s', async (_, secret) => {
    await using other = await startFakeServer(() => ({ status: 200, body: '{"token":"t"}' }))
    await using tokens = await startFakeServer(({ path }) =>
      path.startsWith('/here')
        ? { status: 307, headers: { location: `${other.origin}/t` } }
        : { status: 307, headers: { location: '/here' } },
    )
    await using registry = await startFakeServer(({ headers }) =>
      headers.authorization === 'Bearer t' ? { status: 201 } : challenge(`${tokens.origin}/token`)(),
    )
    await using test = openTestClient({ login: async () => secret })
    const { message } = await errorOf(test.open(registry.host).pushManifest(image.manifest))
    expect(message).toContain(`it redirects to ${other.origin}, which must not see the login`)
    expect(tokens.requests.map(({ path }) => path.split('?')[0])).toEqual(['/token', '/here'])
    expect(other.requests).toEqual([])
  })

  test('not to a server without a realm, or one that wants what nobody knows', async () => {
    for (const [header, expected] of [
      ['Bearer service="x"', 'not known here (bearer)'],
      ['Negotiate', 'not known here (negotiate)'],
      ['Bearer realm="gopher://x"', 'names no usable token server'],
      ['Bearer realm=""', 'names no usable token server'],
    ]) {
      await using registry = await startFakeServer(() => ({
        status: 401,
        headers: { 'www-authenticate': header ?? '' },
      }))
      await using test = openTestClient({ login: async () => login })
      const error = await errorOf(test.open(registry.host).resolveManifest('v1'))
      expect(error.message).toContain(expected)
      expect(registry.requests).toHaveLength(1)
    }
  })

  test('and is looked up again where that failed', async () => {
    let lookUps = 0
    await using registry = await startFakeServer(({ headers }) =>
      headers.authorization === undefined
        ? { status: 401, headers: { 'www-authenticate': 'Basic realm="fake"' } }
        : { status: 201 },
    )
    await using test = openTestClient({
      login: async () => {
        lookUps += 1
        if (lookUps === 1) throw new Error('docker-credential-test failed')
        return login
      },
    })
    const store = test.open(registry.host)
    expect((await errorOf(store.pushManifest(image.manifest))).message).toBe('docker-credential-test failed')
    await store.pushManifest(image.manifest)
    await store.pushManifest(image.manifest)
    expect(lookUps).toBe(2)
  })

  test('and is asked for by exact host and repository, once each, only when there is a need', async () => {
    const asked: string[] = []
    await using open = await startFakeServer(() => ({ status: 201 }))
    await using pair = await startTokenPair()
    await using test = openTestClient({
      login: async (host, repository) => {
        asked.push(`${host} ${repository}`)
        return login
      },
    })
    await test.open(open.host).pushManifest(image.manifest)
    expect(asked).toEqual([])
    for (const name of ['acme/web', 'acme/other', 'acme/web'])
      await test.open(pair.registry.host, name).pushManifest(image.manifest)
    expect(asked).toEqual([`${pair.registry.host} acme/web`, `${pair.registry.host} acme/other`])
  })
})
