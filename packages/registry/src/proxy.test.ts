// The way to a registry through a proxy: tunnels, logins, and who is blamed when it does not work.
import type { Failure, StoreError } from '@polyarch/oci'
import {
  createCertificate,
  type ForwardProxyOptions,
  pushSampleImage,
  type SelfSignedCertificate,
  sampleImage,
  startForwardProxy,
} from '@polyarch/parts'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import type { RegistryOptions } from './index.ts'
import { createFakeRegistry } from './testing/fake-registry.ts'
import { type FakeServer, startFakeServer } from './testing/fake-server.ts'
import { errorOf, openTestClient, readAll } from './testing/samples.ts'

const image = sampleImage({ os: 'linux', architecture: 'amd64' })
const named = 'registry.example'

let own: SelfSignedCertificate
beforeAll(async () => {
  own = await createCertificate('registry', [named])
})

const startRegistryWithTls = (): Promise<FakeServer> =>
  startFakeServer(createFakeRegistry(), { key: own.key, cert: own.certificate })

const through = (proxy: string) => ({ proxy: { http: `http://${proxy}`, https: `http://${proxy}` } })

describe('TLS through a proxy', () => {
  test('is a tunnel: an image goes there and back, and the proxy sees no request and no login of the registry', async () => {
    const big = sampleImage({ os: 'linux', architecture: 'amd64' }, [Buffer.alloc(3_000_000, 7)])
    const [layer] = big.layers
    await using server = await startRegistryWithTls()
    await using proxy = await startForwardProxy({ target: server.host })
    await using test = openTestClient({ certificateAuthorities: own.certificate, ...through(proxy.host) })
    const store = test.open(named)
    await pushSampleImage(store, big, 'v1')
    expect((await readAll(store.getBlob(layer!.descriptor))).equals(Buffer.from(layer!.bytes))).toBe(true)
    await store.placeManifest(big.manifest, ['a', 'b', 'c'])
    expect(await store.listTags()).toEqual(expect.arrayContaining(['a', 'b', 'c', 'v1']))
    expect(new Set(proxy.asked)).toEqual(new Set([`CONNECT ${named}:443`]))
    expect(new Set(proxy.logins)).toEqual(new Set([undefined]))
    expect(new Set(server.requests.map(({ headers }) => headers.host))).toEqual(new Set([named]))
  })

  test('shows the proxy the login of its URL, and the registry nothing of it', async () => {
    await using server = await startRegistryWithTls()
    await using proxy = await startForwardProxy({ target: server.host, login: 'ada:p@ss/w:rd' })
    await using test = openTestClient({
      certificateAuthorities: own.certificate,
      ...through(`ada:p%40ss%2Fw%3Ard@${proxy.host}`),
    })
    await pushSampleImage(test.open(`${named}:5000`), image, 'v1')
    expect(new Set(proxy.asked)).toEqual(new Set([`CONNECT ${named}:5000`]))
    expect(server.requests.filter(({ headers }) => 'proxy-authorization' in headers)).toEqual([])
  })

  test('goes on to the proxy itself over TLS where its URL says so', async () => {
    await using server = await startRegistryWithTls()
    await using proxy = await startForwardProxy({ target: server.host, tls: { key: own.key, cert: own.certificate } })
    const settings = { proxy: { https: `https://${proxy.host}` }, limits: { attempts: 1 } }
    await using test = openTestClient({ certificateAuthorities: own.certificate, ...settings })
    await pushSampleImage(test.open(named), image, 'v1')
    await using trustless = openTestClient(settings)
    const { message } = await errorOf(trustless.open(named).resolveManifest('v1'))
    expect(message).toContain(
      `the proxy ${proxy.host} on the way to ${named}: its certificate is signed by no known authority: name that authority in ca-file`,
    )
    expect(message).not.toContain('insecure-registries')
  })

  test('shows the proxy no certificate of the client: that is for the registry', async () => {
    const client = await createCertificate('the client')
    const asking = { ca: client.certificate, requestCert: true, rejectUnauthorized: false }
    await using server = await startFakeServer(createFakeRegistry(), {
      ...asking,
      rejectUnauthorized: true,
      key: own.key,
      cert: own.certificate,
    })
    const shown: string[] = []
    const tls = { ...asking, key: own.key, cert: own.certificate }
    const onClient = (certificate: string): void => void shown.push(certificate)
    await using proxy = await startForwardProxy({ target: server.host, tls, onClient })
    await using test = openTestClient({
      certificateAuthorities: own.certificate,
      clientCertificates: { [named]: { certificate: client.certificate, key: client.key } },
      proxy: { https: `https://${proxy.host}` },
    })
    await pushSampleImage(test.open(named), image, 'v1')
    expect(new Set(shown)).toEqual(new Set(['']))
  })

  test('trusts nobody more than without the proxy', async () => {
    await using server = await startRegistryWithTls()
    await using proxy = await startForwardProxy({ target: server.host })
    await using test = openTestClient(through(proxy.host))
    const { message } = await errorOf(pushSampleImage(test.open(named), image))
    expect(message).toContain(`${named}: its certificate is signed by no known authority`)
    expect(server.requests).toEqual([])
  })
})

describe('a proxy that does not let a request through', () => {
  // Insecure: what went in clear text to the proxy or beyond it would show among the requests.
  const push = async (options: Omit<ForwardProxyOptions, 'target'>, login = '') => {
    await using server = await startRegistryWithTls()
    await using proxy = await startForwardProxy({ target: server.host, ...options })
    await using test = openTestClient({ insecureHosts: [named], ...through(`${login}${proxy.host}`) })
    const error = (await pushSampleImage(test.open(named), image, 'v1').catch((thrown: unknown) => thrown)) as
      | StoreError
      | undefined
    return { error, asked: new Set(proxy.asked), retries: test.retries, host: proxy.host, requests: server.requests }
  }
  const tunnels = new Set([`CONNECT ${named}:443`])

  test.each([
    ['', 'it wants a login, which its URL has to name: http://USER:PASSWORD@HOST:PORT'],
    ['ada:open-sesame@', 'it refuses the login in its URL'],
  ])('for want of the right login is named (login "%s")', async (login, why) => {
    const { error, asked, retries, host } = await push({ login: 'ada:other' }, login)
    expect(error).toMatchObject({ code: 'UNREACHABLE', kind: 'registry' })
    expect(error?.message).toContain(`the proxy ${host} on the way to ${named}: ${why}`)
    expect(error?.message).not.toMatch(/open-sesame|ada/)
    expect([asked, retries]).toEqual([tunnels, []])
  })

  test('for a while is asked again', async () => {
    const { error, asked, retries, requests } = await push({ refusals: [503, 502] })
    expect(error).toBeUndefined()
    expect(retries.length).toBeGreaterThan(0)
    expect(retries[0]).toMatch(
      /the proxy .* on the way to registry\.example: it refuses .*, with status 50[23]; attempt 2/,
    )
    expect(asked).toEqual(tunnels)
    expect(requests.length).toBeGreaterThan(0)
  })

  test('for good is named at once, and nothing is sent in clear text instead', async () => {
    const { error, asked, retries, requests } = await push({ refusals: Array.from({ length: 20 }, () => 403) })
    expect(error?.message).toMatch(/the proxy .* on the way to registry\.example: .* with status 403/)
    expect([asked, retries, requests]).toEqual([tunnels, [], []])
  })

  test('wants a login for plain HTTP too, and is named', async () => {
    await using server = await startFakeServer(createFakeRegistry())
    await using proxy = await startForwardProxy({ target: server.host, login: 'ada:open-sesame' })
    await using test = openTestClient({ insecureHosts: [named], proxy: { http: `http://${proxy.host}`, no: '' } })
    const { message } = await errorOf(test.open(named).pushManifest(image.manifest))
    expect(message).toContain(`the proxy ${proxy.host} on the way to ${named}: it wants a login`)
  })

  test.each([
    ['127.0.0.1:9', 'it refuses connections'],
    ['proxy.invalid:3128', /there is no such host name|its name could not be looked up/],
  ])('is named where it is not there: %s', async (host, why) => {
    await using test = openTestClient({
      insecureHosts: [named],
      ...through(`ada:open-sesame@${host}`),
      limits: { attempts: 1 },
    })
    const { message, stack } = await errorOf(test.open(named).resolveManifest('v1'))
    expect(message).toContain(`the proxy ${host} on the way to ${named}: `)
    expect(message).toMatch(why)
    expect(stack).not.toContain('open-sesame')
  })
})

describe('a registry on plain HTTP', () => {
  const host = `${named}:5000`

  test('is spoken to through the proxy once TLS through its tunnel has failed', async () => {
    await using server = await startFakeServer(createFakeRegistry())
    await using proxy = await startForwardProxy({ target: server.host, login: 'ada:other' })
    await using test = openTestClient({ insecureHosts: [host], ...through(`ada:other@${proxy.host}`) })
    await pushSampleImage(test.open(host), image, 'v1')
    expect(proxy.asked).toContain(`CONNECT ${host}`)
    expect(proxy.asked).toContain(`PUT http://${host}/v2/acme/web/manifests/v1`)
    expect(new Set(server.requests.map(({ headers }) => headers.host))).toEqual(new Set([host]))
    expect(server.requests.filter(({ headers }) => 'proxy-authorization' in headers)).toEqual([])
  })

  test('is found to be one also where the proxy was busy first', async () => {
    await using server = await startFakeServer(createFakeRegistry())
    await using proxy = await startForwardProxy({ target: server.host, refusals: [503] })
    await using test = openTestClient({ insecureHosts: [host], ...through(proxy.host) })
    await pushSampleImage(test.open(host), image, 'v1')
    expect(server.requests.length).toBeGreaterThan(0)
  })

  test('gets several tags one after the other: the proxy may open a connection for each', async () => {
    const { mediaType, digest } = image.manifest.descriptor
    const headers = { 'content-type': mediaType, 'docker-content-digest': digest }
    await using server = await startFakeServer(({ method, path }) => {
      if (method !== 'PUT') return { status: 200, headers, body: image.manifest.bytes }
      return path.endsWith('/2') ? 'reset' : () => ({ status: 201 })
    })
    await using proxy = await startForwardProxy({ target: server.host })
    await using test = openTestClient({ insecureHosts: [host], ...through(proxy.host), limits: { attempts: 1 } })
    const store = test.open(host)
    await store.resolveManifest('1')
    expect((await errorOf(store.placeManifest(image.manifest, ['1', '2', '3']))).message).toContain(
      'manifests/2: no answer',
    )
    const puts = server.requests.filter(({ method }) => method === 'PUT')
    expect(puts.map(({ path }) => path.split('/').at(-1))).toEqual(['1', '2'])
  })
})

describe('a proxy is left out', () => {
  test.each<[string, (proxy: string) => RegistryOptions]>([
    ['hosts that NO_PROXY names', (proxy) => ({ proxy: { http: proxy, https: proxy, no: 'x.example,0.0.0.0' } })],
    ['networks that NO_PROXY names', (proxy) => ({ proxy: { http: proxy, https: proxy, no: '10.0.0.0/8,0.0.0.0/8' } })],
    ['all hosts, where only the environment of the process names it', () => ({})],
  ])('for %s', async (_, options) => {
    await using proxy = await startFakeServer(() => ({ status: 500 }))
    await using server = await startFakeServer(() => ({ status: 201 }))
    // This machine by a name that is not known to be its own.
    const host = server.host.replace('127.0.0.1', '0.0.0.0')
    vi.stubEnv('HTTP_PROXY', proxy.origin)
    try {
      await using test = openTestClient({ insecureHosts: [host], ...options(proxy.origin) })
      await test.open(host).pushManifest(image.manifest)
    } finally {
      vi.unstubAllEnvs()
    }
    expect([proxy.requests, server.requests.length]).toEqual([[], 1])
  })

  test('for this machine', async () => {
    await using proxy = await startFakeServer(() => ({ status: 500 }))
    await using server = await startFakeServer(() => ({ status: 201 }))
    await using test = openTestClient({ proxy: { http: proxy.origin, https: proxy.origin } })
    await test.open(server.host).pushManifest(image.manifest)
    expect([proxy.requests, server.requests.length]).toEqual([[], 1])
  })
})

describe('the URL of a proxy', () => {
  test('may have no scheme', async () => {
    await using server = await startRegistryWithTls()
    await using proxy = await startForwardProxy({ target: server.host })
    await using test = openTestClient({ certificateAuthorities: own.certificate, proxy: { https: proxy.host } })
    await pushSampleImage(test.open(named), image)
    expect(proxy.asked).toContain(`CONNECT ${named}:443`)
  })

  test.each([
    ['ftp://ada:open-sesame@proxy', 'HTTPS_PROXY is not the URL of a proxy: expected http://HOST:PORT'],
    ['socks5://ada:open-sesame@proxy', 'HTTPS_PROXY is not the URL of a proxy: expected http://HOST:PORT'],
    ['http://ada:open-sesame@proxy:port', 'HTTPS_PROXY is not the URL of a proxy: expected http://HOST:PORT'],
    [
      'http://ada:open-sesame%@proxy',
      'HTTPS_PROXY: its login is not percent-encoded: expected http://USER:PASSWORD@HOST:PORT with %25 for %',
    ],
  ])('that is none is a mistake of the user, who is not shown the password: %s', async (https, message) => {
    await using test = openTestClient({ proxy: { https } })
    const error = (await errorOf(test.open(named).pushManifest(image.manifest))) as Failure
    expect([error.kind, error.message]).toEqual(['input', message])
    expect(String(error.cause)).not.toContain('open-sesame')
  })
})
