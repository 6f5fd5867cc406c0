// How long a client goes on trying: as its budget lasts, through names that cannot be looked up, never over a digest.
import { randomBytes } from 'node:crypto'
import dns from 'node:dns'
import { mediaTypes, type StoreError } from '@polyarch/oci'
import { lacks, pushSampleImage, sampleBlob, sampleContent, sampleImage, startRegistry } from '@polyarch/parts'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { startFakeServer } from './testing/fake-server.ts'
import { errorOf, openTestClient, readAll } from './testing/samples.ts'

const image = sampleImage({ os: 'linux', architecture: 'amd64' })

describe('the retries of a client', () => {
  test('are over for all registries when they are used up, and it says so', async () => {
    await using busy = await startFakeServer(() => ({ status: 503 }))
    await using other = await startFakeServer(() => ({ status: 503 }))
    await using test = openTestClient({ limits: { retryBudget: 3 } })
    const first = await errorOf(test.open(busy.host).pushManifest(image.manifest))
    expect(first.message).toMatch(/503 .*\(no retries are left\)$/)
    expect(busy.requests).toHaveLength(4)
    expect(test.clock.sleeps).toEqual([500, 1000, 2000])

    const second = await errorOf(test.open(other.host, 'acme/other').pushManifest(image.manifest))
    expect(second.message).toContain('no retries are left')
    expect(other.requests).toHaveLength(1)
    expect(test.retries).toHaveLength(3)
  })

  test('are earned again by what succeeds', async () => {
    let failures = 0
    await using server = await startFakeServer(() => {
      failures -= 1
      return { status: failures >= 0 ? 503 : 201 }
    })
    await using test = openTestClient({ limits: { retryBudget: 2 } })
    const store = test.open(server.host)
    for (let round = 0; round < 5; round += 1) {
      failures = 1
      await store.pushManifest(image.manifest)
    }
    expect(test.retries).toHaveLength(5)
    failures = 3
    expect((await errorOf(store.pushManifest(image.manifest))).message).toContain('no retries are left')
  })
})

describe('a host name', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  // The real resolver: of a name that can never exist it says so or, on a machine without a network, that it cannot tell.
  test('that nobody knows is looked up again for a short while', async () => {
    await using test = openTestClient()
    const error = (await errorOf(test.open('registry.invalid').resolveManifest('v1'))) as StoreError
    expect([error.code, error.kind]).toEqual(['UNREACHABLE', 'registry'])
    expect(error.message).toMatch(
      /: registry\.invalid: (?:there is no such host name|its name could not be looked up) \(gave up after 4 attempts\)$/,
    )
    expect(test.clock.sleeps).toEqual([500, 1000, 2000])
  })

  // Which of both answers comes, and that it passes, can only be simulated: here the resolver fails twice, once for each
  // of the two schemes that a host of this machine may speak.
  test.each([
    ['EAI_AGAIN', 'its name could not be looked up'],
    ['ENOTFOUND', 'there is no such host name'],
  ])('that is looked up with %s is looked up again, and the request gets through', async (code, reason) => {
    await using server = await startFakeServer(() => ({ status: 201 }))
    const port = server.host.split(':')[1] ?? ''
    let lookUps = 0
    const lookup = (
      _name: string,
      options: dns.LookupOptions,
      done: (error: Error | null, address?: string | dns.LookupAddress[], family?: number) => void,
    ): void => {
      lookUps += 1
      if (lookUps <= 2) done(Object.assign(new Error(`getaddrinfo ${code}`), { code }))
      else if (options.all) done(null, [{ address: '127.0.0.1', family: 4 }])
      else done(null, '127.0.0.1', 4)
    }
    vi.spyOn(dns, 'lookup').mockImplementation(lookup as unknown as typeof dns.lookup)
    await using test = openTestClient()
    await test.open(`localhost:${port}`).pushManifest(image.manifest, 'v1')
    expect(server.requests).toHaveLength(1)
    expect(test.retries).toEqual([expect.stringContaining(`localhost:${port}: ${reason}; attempt 2 follows in 0.5 s`)])
  })
})

describe.each(['docker-registry', 'distribution-3'] as const)(
  'a digest that is not that of the bytes: %s',
  (server) => {
    describe.skipIf(lacks(server))('is not tried again', () => {
      test.each([
        ['a small blob', 1000],
        ['a large blob', 3_000_000],
      ])('for %s that is pushed', async (_, size) => {
        await using registry = await startRegistry({ server })
        await using test = openTestClient()
        const blob = sampleBlob(randomBytes(size))
        const content = sampleContent(randomBytes(size), 'out/blobs/layer')
        const error = (await errorOf(test.open(registry.host).pushBlob(blob.descriptor, content))) as StoreError
        expect([error.code, error.kind]).toEqual(['DIGEST_INVALID', 'verification'])
        const puts = (await registry.requests()).filter((line) => line.startsWith('PUT '))
        expect(puts).toHaveLength(1)
        expect([test.retries, test.clock.sleeps]).toEqual([[], []])
      })

      test('for a manifest that is pushed, which is not sent at all', async () => {
        await using registry = await startRegistry({ server })
        await using test = openTestClient()
        await pushSampleImage(test.open(registry.host), image)
        const before = (await registry.requests()).length
        const changed = { ...image.manifest, bytes: Buffer.concat([image.manifest.bytes, Buffer.from('\n')]) }
        const error = (await errorOf(test.open(registry.host).pushManifest(changed))) as StoreError
        expect([error.code, error.kind]).toEqual(['DIGEST_INVALID', 'verification'])
        expect((await registry.requests()).length).toBe(before)
      })
    })
  },
)

test('a digest that is not that of the bytes that a registry sends is asked for once', async () => {
  const { config, manifest } = image
  await using server = await startFakeServer(({ path }) => ({
    status: 200,
    headers: { 'content-type': path.includes('/manifests/') ? mediaTypes.ociManifest : 'application/octet-stream' },
    body: Buffer.alloc(config.bytes.length, '{'),
  }))
  await using test = openTestClient()
  const store = test.open(server.host)
  for (const read of [
    () => store.getManifest(manifest.descriptor.digest),
    () => store.getSmallBlob(config.descriptor.digest, 10_000),
    () => readAll(store.getBlob(config.descriptor)),
  ]) {
    const before = server.requests.length
    expect(await errorOf(read())).toMatchObject({ code: 'DIGEST_INVALID', kind: 'verification' })
    expect(server.requests.length - before).toBe(1)
  }
  expect([test.retries, test.clock.sleeps]).toEqual([[], []])
})
