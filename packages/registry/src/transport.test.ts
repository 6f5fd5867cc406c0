// The way to a registry: certificates, proxies, clear text only where it is allowed.
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Failure, StoreError } from '@polyarch/oci'
import {
  createCertificate,
  pushSampleImage,
  type SelfSignedCertificate,
  sampleImage,
  temporaryDirectory,
} from '@polyarch/parts'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import type { RegistryOptions } from './index.ts'
import { createFakeRegistry } from './testing/fake-registry.ts'
import { startFakeServer } from './testing/fake-server.ts'
import { errorOf, openTestClient } from './testing/samples.ts'

const image = sampleImage({ os: 'linux', architecture: 'amd64' })

describe('a registry with a certificate that nobody signed', () => {
  let own: SelfSignedCertificate
  beforeAll(async () => {
    own = await createCertificate()
  })
  const start = () =>
    startFakeServer(({ method }) => ({ status: method === 'POST' ? 202 : 201 }), {
      key: own.key,
      cert: own.certificate,
    })

  test('is refused with the line that says what to do, at once', async () => {
    await using server = await start()
    await using test = openTestClient()
    const error = (await errorOf(test.open(server.host).pushManifest(image.manifest))) as StoreError
    expect([error.code, error.kind]).toEqual(['UNREACHABLE', 'registry'])
    expect(error.message).toContain(
      `${server.host}: its certificate is signed by no known authority: name that authority in ca-file`,
    )
    expect(error.message).not.toContain('\n')
    expect([test.retries, server.requests]).toEqual([[], []])
  })

  test('is trusted by its authority', async () => {
    await using server = await start()
    await using test = openTestClient({ certificateAuthorities: own.certificate })
    await test.open(server.host).pushManifest(image.manifest)
    expect(server.requests).toHaveLength(1)
  })

  test('is trusted where the system trusts it', async () => {
    await using server = await start()
    await using temporary = await temporaryDirectory('system-trust')
    const path = join(temporary.path, 'authorities.pem')
    await writeFile(path, own.certificate)
    const program = join(import.meta.dirname, 'testing', 'push-file.ts')
    const args = ['--conditions=@polyarch/source', program, path, server.host]
    const push = (env: Record<string, string>) => promisify(execFile)(process.execPath, args, { env, timeout: 30_000 })
    // The fake has no upload to offer: getting as far as its answer is what counts.
    await expect(push({ SSL_CERT_FILE: path })).rejects.toThrow('has no Location header')
    await expect(push({})).rejects.toThrow('signed by no known authority')
  })

  test('is spoken to anyway where it is named insecure', async () => {
    await using server = await start()
    await using test = openTestClient({ insecureHosts: [server.host] })
    await test.open(server.host).pushManifest(image.manifest)
    expect(server.requests).toHaveLength(1)
  })

  test('sees the client’s certificate where there is one', async () => {
    const client = await createCertificate('the client')
    await using server = await startFakeServer(() => ({ status: 201 }), {
      key: own.key,
      cert: own.certificate,
      ca: client.certificate,
      requestCert: true,
      rejectUnauthorized: true,
    })
    const trust = { certificateAuthorities: own.certificate, limits: { attempts: 1 } }
    await using without = openTestClient(trust)
    expect(await errorOf(without.open(server.host).pushManifest(image.manifest))).toBeInstanceOf(Error)
    await using having = openTestClient({
      ...trust,
      clientCertificates: { [server.host]: { certificate: client.certificate, key: client.key } },
    })
    await having.open(server.host).pushManifest(image.manifest)
    expect(server.requests).toHaveLength(1)
  })
})

test('an insecure registry may speak plain HTTP, and is asked only once which it is', async () => {
  await using server = await startFakeServer(() => ({ status: 201 }))
  await using test = openTestClient({ insecureHosts: [server.host] })
  const store = test.open(server.host)
  await Promise.all(Array.from({ length: 10 }, (_, index) => store.pushManifest(image.manifest, `v${index}`)))
  expect(server.requests).toHaveLength(10)
  expect(test.retries).toEqual([])
})

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
)

test.skipIf(!hasIpv6)('a registry on this machine’s IPv6 address speaks plain HTTP, past any proxy', async () => {
  await using proxy = await startFakeServer(() => ({ status: 500 }))
  await using server = await startFakeServer(createFakeRegistry(), undefined, '::1')
  await using test = openTestClient({ proxy: { http: proxy.origin, https: proxy.origin } })
  const store = test.open(server.host)
  await pushSampleImage(store, image, 'latest')
  expect((await store.resolveManifest('latest')).digest).toBe(image.manifest.descriptor.digest)
  expect([server.host, store.location, proxy.requests]).toEqual([
    expect.stringMatching(/^\[::1\]:\d+$/),
    `${server.host}/acme/web`,
    [],
  ])
})

describe('a proxy', () => {
  test('carries what goes to other machines: TLS through a tunnel, the rest as it is', async () => {
    const host = 'registry.example:5000'
    await using proxy = await startFakeServer(() => ({ status: 201 }))
    await using test = openTestClient({ insecureHosts: [host], proxy: { http: proxy.origin, https: proxy.origin } })
    // The fake does not tunnel, so the insecure host's second scheme is the one that answers.
    await test.open(host).pushManifest(image.manifest, 'v1')
    expect(proxy.requests.map(({ method, path, headers }) => [method, path, headers.host])).toEqual([
      ['PUT', `http://${host}/v2/acme/web/manifests/v1`, host],
    ])
  })

  test('gets several tags one after the other: it may open a connection for each', async () => {
    const host = 'registry.example:5000'
    const { mediaType, digest } = image.manifest.descriptor
    const headers = { 'content-type': mediaType, 'docker-content-digest': digest }
    await using proxy = await startFakeServer(({ method, path }) => {
      if (method !== 'PUT') return { status: 200, headers, body: image.manifest.bytes }
      return path.endsWith('/2') ? 'reset' : () => ({ status: 201 })
    })
    await using test = openTestClient({
      insecureHosts: [host],
      proxy: { http: proxy.origin, https: proxy.origin },
      limits: { attempts: 1 },
    })
    const store = test.open(host)
    await store.resolveManifest('1')
    expect((await errorOf(store.placeManifest(image.manifest, ['1', '2', '3']))).message).toContain(
      'manifests/2: no answer',
    )
    const puts = proxy.requests.filter(({ method }) => method === 'PUT')
    expect(puts.map(({ path }) => path.split('/').at(-1))).toEqual(['1', '2'])
  })

  test.each<[string, (proxy: string) => RegistryOptions]>([
    ['hosts that NO_PROXY names', (proxy) => ({ proxy: { http: proxy, https: proxy, no: 'x.example,0.0.0.0' } })],
    ['networks that NO_PROXY names', (proxy) => ({ proxy: { http: proxy, https: proxy, no: '10.0.0.0/8,0.0.0.0/8' } })],
    ['all hosts, where only the environment of the process names it', () => ({})],
  ])('is left out for %s', async (_, options) => {
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

  test('may be named without a scheme, and is named in the message where it is no URL, without its password', async () => {
    const host = 'registry.example:5000'
    await using proxy = await startFakeServer(() => ({ status: 201 }))
    await using short = openTestClient({ insecureHosts: [host], proxy: { http: proxy.host, https: proxy.host } })
    await short.open(host).pushManifest(image.manifest)
    expect(proxy.requests).toHaveLength(1)
    await using wrong = openTestClient({ proxy: { https: 'ftp://ada:open-sesame@proxy' } })
    const error = (await errorOf(wrong.open(host).pushManifest(image.manifest))) as Failure
    expect([error.kind, error.message]).toEqual([
      'input',
      'HTTPS_PROXY is not the URL of a proxy: expected http://HOST:PORT',
    ])
  })

  test('is left out for this machine', async () => {
    await using proxy = await startFakeServer(() => ({ status: 500 }))
    await using server = await startFakeServer(() => ({ status: 201 }))
    await using test = openTestClient({ proxy: { http: proxy.origin, https: proxy.origin } })
    await test.open(server.host).pushManifest(image.manifest)
    expect([proxy.requests, server.requests.length]).toEqual([[], 1])
  })
})
