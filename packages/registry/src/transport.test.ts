// The way to a registry: certificates, proxies, clear text only where it is allowed.
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { StoreError } from '@polyarch/oci'
import {
  createCertificate,
  pushSampleImage,
  type SelfSignedCertificate,
  sampleImage,
  temporaryDirectory,
} from '@polyarch/parts'
import { beforeAll, describe, expect, test } from 'vitest'
import { createFakeRegistry } from './testing/fake-registry.ts'
import { startFakeServer } from './testing/fake-server.ts'
import { startRawServer } from './testing/raw-server.ts'
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
    const run = (program: string, args: string[], env: Record<string, string>) => {
      const all = ['--conditions=@polyarch/source', join(import.meta.dirname, 'testing', program), ...args, server.host]
      return promisify(execFile)(process.execPath, all, { env, timeout: 30_000 })
    }
    // The fake has no upload to offer: getting as far as its answer is what counts.
    await expect(run('push-file.ts', [path], { SSL_CERT_FILE: path })).rejects.toThrow('has no Location header')
    await expect(run('push-file.ts', [path], {})).rejects.toThrow('signed by no known authority')
    const { stdout } = await run('send-in-order.ts', [], { SSL_CERT_FILE: path })
    expect(JSON.parse(stdout)).toEqual([201, 201, 201])
    expect(server.requests.slice(-3).map(({ path: asked }) => asked)).toEqual(['/1', '/2', '/3'])
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

test('an answer that cannot be read is no reason to try TLS', async () => {
  const answer = `HTTP/1.1 200 OK\r\nX-Long: ${'a'.repeat(100_000)}\r\nContent-Length: 0\r\n\r\n`
  await using server = await startRawServer([{ bytes: Buffer.from(answer), after: 'keep' }])
  await using test = openTestClient()
  const error = await errorOf(test.open(server.host).getManifest('v1'))
  expect(error.message).toContain('its answer has more headers than are read')
  // A TLS client would begin with a record of type 22.
  expect(server.received).toMatch(/^GET /)
  expect(server.received).not.toContain('\u0016')
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
