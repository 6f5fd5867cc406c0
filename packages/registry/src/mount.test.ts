// Blobs that another repository of the host may have: taken over, or uploaded in as many requests as without it.
import { randomBytes } from 'node:crypto'
import { copyManifest, type Repository, type Store } from '@polyarch/oci'
import {
  lacks,
  pushSampleImage,
  type RunningRegistry,
  sampleBlob,
  sampleContent,
  sampleImage,
  startRegistry,
} from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createFakeRegistry } from './testing/fake-registry.ts'
import { type FakeReply, type FakeScript, type FakeServer, startFakeServer } from './testing/fake-server.ts'
import { methodsOf, script, session, uploads } from './testing/one-upload.ts'
import { errorOf, openTestClient } from './testing/samples.ts'

const { bytes, descriptor } = sampleBlob(randomBytes(200_000))
const content = sampleContent(bytes)
const from = ({ host }: FakeServer, ...names: string[]): Repository[] => names.map((name) => ({ host, name }))

/** Answers mounts from the repositories; the rest of the registry is as always. */
const mounts = (replies: Readonly<Record<string, FakeReply>>): FakeScript =>
  script(({ path, method }) => {
    if (method === 'DELETE') return { status: 204 }
    return replies[new URL(path, 'http://fake').searchParams.get('from') ?? '']
  })

describe('a mount', () => {
  test('that is answered with an upload is followed by the blob, through that upload', async () => {
    await using server = await startFakeServer(script())
    await using test = openTestClient()
    const options = { mountFrom: from(server, 'acme/base') }
    expect(await test.open(server.host).pushBlob(descriptor, content, options)).toBe('uploaded')
    const digest = encodeURIComponent(descriptor.digest)
    expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      `POST ${uploads}?mount=${digest}&from=acme%2Fbase`,
      `PUT ${session}&digest=${digest}`,
    ])
  })

  test('from the second repository leaves no upload of the first behind', async () => {
    const opened = { status: 202, headers: { location: `${uploads}needless` } }
    await using server = await startFakeServer(mounts({ 'acme/first': opened, 'acme/second': { status: 201 } }))
    await using test = openTestClient()
    const options = { mountFrom: from(server, 'acme/first', 'acme/second') }
    expect(await test.open(server.host).pushBlob(descriptor, content, options)).toBe('mounted')
    expect(methodsOf(server)).toEqual(['POST', 'POST', 'DELETE'])
    expect(server.requests.at(-1)?.path).toBe(`${uploads}needless`)
  })

  test('whose upload cannot be cancelled waits for nothing', async () => {
    const replies = mounts({ 'acme/second': { status: 201 } })
    await using server = await startFakeServer((request) =>
      request.method === 'DELETE' ? { status: 500 } : replies(request),
    )
    await using test = openTestClient()
    const options = { mountFrom: from(server, 'acme/first', 'acme/second') }
    expect(await test.open(server.host).pushBlob(descriptor, content, options)).toBe('mounted')
    expect([methodsOf(server), test.retries, test.clock.sleeps]).toEqual([['POST', 'POST', 'DELETE'], [], []])
  })

  test.each([400, 401, 403, 404, 405, 409, 422, 501])('that is refused with %d is no mount', async (status) => {
    const refusal = { status, body: '{"errors":[{"code":"NAME_INVALID"}]}' }
    await using server = await startFakeServer(mounts({ 'acme/base': refusal, 'acme/web': refusal }))
    await using test = openTestClient()
    const options = { mountFrom: from(server, 'acme/base') }
    expect(await test.open(server.host).pushBlob(descriptor, content, options)).toBe('uploaded')
    // Nor where nobody asked for it.
    expect(await test.open(server.host, 'acme/next').pushBlob(descriptor, content)).toBe('uploaded')
    expect(methodsOf(server)).toEqual(['POST', 'POST', 'PUT', 'POST', 'POST', 'PUT'])
  })

  test('that a server is too busy for fails like any request', async () => {
    await using server = await startFakeServer(() => ({ status: 503 }))
    await using test = openTestClient({ limits: { attempts: 3 } })
    const options = { mountFrom: from(server, 'acme/base') }
    const error = await errorOf(test.open(server.host).pushBlob(descriptor, content, options))
    expect(error.message).toContain('gave up after 3 attempts')
  })

  test('from another host is not even tried', async () => {
    await using server = await startFakeServer(script())
    await using test = openTestClient()
    const options = { mountFrom: [{ host: 'other.example', name: 'acme/base' }] }
    await test.open(server.host).pushBlob(descriptor, content, options)
    expect(server.requests.map(({ path }) => path.includes('mount='))).toEqual([false, false])
  })

  test('needs nobody to ask for it where the blob was pushed to another repository before', async () => {
    await using server = await startFakeServer(mounts({ 'acme/web': { status: 201 } }))
    await using test = openTestClient()
    await test.open(server.host).pushBlob(descriptor, content)
    expect(await test.open(server.host, 'acme/api').pushBlob(descriptor, content)).toBe('mounted')
    expect(methodsOf(server)).toEqual(['POST', 'PUT', 'POST'])
    expect(server.requests.at(-1)?.path).toContain('from=acme%2Fweb')
  })

  test('that is none is no reason to send what may be there, and is', async () => {
    await using server = await startFakeServer(
      script(({ method }) => {
        if (method === 'DELETE') return { status: 204 }
        return method === 'HEAD' ? { status: 200, headers: { 'content-length': String(bytes.length) } } : undefined
      }),
    )
    await using test = openTestClient()
    const options = { mountFrom: from(server, 'acme/base'), mayBePresent: true }
    expect(await test.open(server.host).pushBlob(descriptor, content, options)).toBe('present')
    expect(methodsOf(server)).toEqual(['POST', 'HEAD', 'DELETE'])
  })
})

const image = () =>
  sampleImage(
    { os: 'linux', architecture: 'amd64' },
    Array.from({ length: 20 }, () => randomBytes(1000)),
  )

/** Copies an image of 21 blobs out of a fake registry, with a client that is as new as a step is. */
const copy = async (
  source: ReturnType<typeof image>,
  destination: Repository,
  options: Parameters<typeof copyManifest>[3],
) => {
  await using holder = await startFakeServer(createFakeRegistry())
  await using test = openTestClient()
  const store: Store = test.open(holder.host)
  await pushSampleImage(store, source)
  return await copyManifest(store, test.client.repository(destination), source.manifest.descriptor, options)
}

describe.each(['docker-registry', 'distribution-3'] as const)('an image of 21 blobs to %s', (server) => {
  describe.skipIf(lacks(server))('needs', () => {
    let registry: RunningRegistry
    let plain: number
    const uploadedAll = { uploaded: 21, mounted: 0 }
    beforeAll(async () => {
      registry = await startRegistry({ server })
      plain = (await measure('few/plain', [])).requests.length
    })
    afterAll(() => registry.stop())

    const measure = async (name: string, sources: readonly string[], absent = false, source = image()) => {
      const before = (await registry.requests()).length
      const mountFrom = sources.map((each) => ({ host: registry.host, name: each }))
      const result = await copy(source, { host: registry.host, name }, { mountFrom, absent })
      return { result, requests: (await registry.requests()).slice(before) }
    }

    test('one request for each where the other repository has them all', async () => {
      const known = image()
      await measure('few/base', [], false, known)
      const { result, requests } = await measure('few/mounted', ['few/base'], false, known)
      expect(result).toMatchObject({ uploaded: 0, uploadedBytes: 0, mounted: 21 })
      expect(requests.length).toBeLessThanOrEqual(21 + 3)
      const absent = await measure('few/absent', ['few/base'], true, known)
      expect([absent.result.mounted, absent.requests.length]).toEqual([21, 22])
    })

    test('one request for each where only the second repository has them, and few more', async () => {
      const known = image()
      await measure('few/second', [], false, known)
      const { result, requests } = await measure('few/mounted-second', ['few/none', 'few/second'], false, known)
      expect(result).toMatchObject({ uploaded: 0, mounted: 21 })
      expect(requests.length).toBeLessThanOrEqual(21 + 3 + 2 * 3)
    })

    test('no request more where the other repository has none', async () => {
      const { result, requests } = await measure('few/lacking', ['few/none'])
      expect(result).toMatchObject(uploadedAll)
      expect(requests.length).toBeLessThanOrEqual(plain)
    })

    test('a few more where several repositories have none', async () => {
      const { result, requests } = await measure('few/lacking-more', ['few/none', 'few/no-more'])
      expect(result).toMatchObject(uploadedAll)
      // Each of three needless mounts leaves an upload to cancel.
      expect(requests.length).toBeLessThanOrEqual(plain + 2 * 3)
    })

    test('one look more for each where it was not offered before and the other repository has none', async () => {
      const { result, requests } = await measure('few/lacking-absent', ['few/none'], true)
      expect(result).toMatchObject(uploadedAll)
      expect(requests.length).toBeLessThanOrEqual(plain + 21)
    })
  })
})

describe('an image of 21 blobs', () => {
  test.each([401, 403, 404, 405])(
    'is not asked for from a repository whose mounts are refused with %d',
    async (status) => {
      const registry = createFakeRegistry()
      await using server = await startFakeServer((request) =>
        request.path.includes('mount=') ? { status } : registry(request),
      )
      const { uploaded } = await copy(
        image(),
        { host: server.host, name: 'acme/web' },
        {
          mountFrom: from(server, 'acme/secret'),
        },
      )
      expect(uploaded).toBe(21)
      expect(server.requests.filter(({ path }) => path.includes('mount=')).length).toBeLessThanOrEqual(3)
    },
  )

  test('is asked for on where a repository lacks some of them, and the registry says 404 to a mount of these', async () => {
    const source = image()
    const known = [source.layers[1]!, source.layers[10]!]
    const registry = createFakeRegistry()
    await using server = await startFakeServer((request) => {
      const mounted = new URL(request.path, 'http://fake').searchParams.get('mount')
      const isUnknown = mounted !== null && !known.some((blob) => blob.descriptor.digest === mounted)
      return isUnknown ? { status: 404, body: '{"errors":[{"code":"BLOB_UNKNOWN"}]}' } : registry(request)
    })
    await using test = openTestClient()
    const base = test.open(server.host, 'acme/base')
    for (const blob of known) await base.pushBlob(blob.descriptor, sampleContent(blob.bytes))
    const destination = { host: server.host, name: 'acme/web' }
    const { uploaded, mounted } = await copy(source, destination, { mountFrom: from(server, 'acme/base') })
    expect([uploaded, mounted]).toEqual([19, 2])
  })
})
