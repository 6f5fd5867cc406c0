// Blobs on their way out: two requests each, on from where they broke, and never a digest that is not theirs.
import { randomBytes } from 'node:crypto'
import type { OnBytes, StoreError } from '@polyarch/oci'
import { lacks, sampleBlob, sampleContent, startFaultProxy, startRegistry } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { createFakeRegistry } from './testing/fake-registry.ts'
import { type FakeOutcome, type FakeServer, startFakeServer } from './testing/fake-server.ts'
import { first, methodsOf, script, session, uploads } from './testing/one-upload.ts'
import { errorOf, openTestClient, readAll } from './testing/samples.ts'

const { bytes, descriptor } = sampleBlob(randomBytes(2_000_000))

describe('a blob', () => {
  test('is one POST and one PUT with its length, to the Location as it was given', async () => {
    await using server = await startFakeServer(script())
    await using test = openTestClient()
    await test.open(server.host).pushBlob(descriptor, sampleContent(bytes))
    const [post, put, ...rest] = server.requests
    expect([post?.method, post?.path, post?.headers['content-length']]).toEqual(['POST', uploads, '0'])
    expect(put?.path).toBe(`${session}&digest=${encodeURIComponent(descriptor.digest)}`)
    expect(put?.headers['content-length']).toBe(String(bytes.length))
    expect(put?.headers['content-type']).toBe('application/octet-stream')
    expect(put?.body.equals(bytes)).toBe(true)
    expect(rest).toEqual([])
  })

  test('goes to an absolute Location on another origin without the login', async () => {
    await using storage = await startFakeServer(() => () => ({ status: 201 }))
    await using server = await startFakeServer((request) =>
      request.headers.authorization === undefined
        ? { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }
        : { status: 202, headers: { location: `${storage.origin}/upload?sig=1` } },
    )
    await using test = openTestClient({ login: async () => ({ username: 'ada', password: 'open sesame' }) })
    await test.open(server.host).pushBlob(descriptor, sampleContent(bytes))
    const [put] = storage.requests
    expect([put?.headers.authorization, put?.body.equals(bytes)]).toEqual([undefined, true])
  })

  test.each([
    [201, true],
    [403, false],
  ])('that is answered with %d has its memory back: %s', async (status, isRead) => {
    const small = sampleBlob('a few bytes')
    await using server = await startFakeServer(script(first('PUT', { status })))
    await using test = openTestClient()
    let isBack = false
    const open = async function* (): AsyncGenerator<Uint8Array> {
      yield small.bytes
      isBack = true
    }
    await Promise.allSettled([test.open(server.host).pushBlob(small.descriptor, { origin: 'a file', open })])
    expect(server.requests.map(({ method }) => method)).toContain('PUT')
    // Who refuses may not have read what a socket is still sending.
    expect(isBack).toBe(isRead)
  })

  test('of no bytes is uploaded as well', async () => {
    const empty = sampleBlob('')
    await using server = await startFakeServer(script())
    await using test = openTestClient()
    await test.open(server.host).pushBlob(empty.descriptor, sampleContent(empty.bytes))
    expect(server.requests.at(-1)?.headers['content-length']).toBe('0')
  })

  test('that several push to one repository at once is uploaded once, and told to each', async () => {
    await using server = await startFakeServer(script())
    await using test = openTestClient()
    const store = test.open(server.host)
    const told = [0, 0, 0]
    await Promise.all(
      told.map((_, leg) =>
        store.pushBlob(descriptor, sampleContent(bytes), {
          onBytes: (_, count) => {
            told[leg] = (told[leg] ?? 0) + count
          },
        }),
      ),
    )
    expect(methodsOf(server)).toEqual(['POST', 'PUT'])
    expect(told).toEqual([bytes.length, bytes.length, bytes.length])
  })

  test('is pushed by the next leg where the first one’s content is at fault', async () => {
    await using server = await startFakeServer(script())
    await using test = openTestClient()
    const store = test.open(server.host)
    const [broken, whole] = await Promise.allSettled([
      store.pushBlob(descriptor, sampleContent(bytes.subarray(1), 'a/broken/file')),
      store.pushBlob(descriptor, sampleContent(bytes)),
    ])
    expect(broken.status === 'rejected' && String(broken.reason)).toContain('a/broken/file')
    expect(whole.status).toBe('fulfilled')
  })
})

describe('a small blob', () => {
  const small = Array.from({ length: 4 }, () => sampleBlob(randomBytes(1000)))
  /** Gives the retries. */
  const pushAll = async (server: FakeServer): Promise<readonly string[]> => {
    await using test = openTestClient()
    for (const blob of small) await test.open(server.host).pushBlob(blob.descriptor, sampleContent(blob.bytes))
    return test.retries
  }

  test('is one request where the server takes it with the first', async () => {
    await using server = await startFakeServer(({ method }) =>
      method === 'POST' ? () => ({ status: 201 }) : undefined,
    )
    await pushAll(server)
    expect(server.requests.map(({ method, body }) => [method, body.length])).toEqual(small.map(() => ['POST', 1000]))
  })

  test('costs nothing more where the server does not: one tries it out', async () => {
    await using server = await startFakeServer(
      script(({ method }) => (method === 'POST' ? () => ({ status: 202, headers: { location: session } }) : undefined)),
    )
    await pushAll(server)
    expect(methodsOf(server)).toEqual(small.flatMap(() => ['POST', 'PUT']))
    expect(server.requests.filter(({ path }) => path.includes('uploads/?digest='))).toHaveLength(1)
  })

  test.each<[FakeOutcome]>([
    [{ status: 405 }],
    [{ status: 400, body: '{"errors":[{"code":"DIGEST_INVALID"}]}' }],
    [{ status: 411 }],
    [{ status: 500 }],
    ['reset'],
  ])('goes the plain way at once where the server answers a body with %j', async (outcome) => {
    await using server = await startFakeServer(
      script(({ method, path }) => (method === 'POST' && path.includes('digest=') ? outcome : undefined)),
    )
    expect(await pushAll(server)).toEqual([])
    expect(methodsOf(server)).toEqual(['POST', ...small.flatMap(() => ['POST', 'PUT'])])
  })

  test.each([401, 403])('is not sent twice where the server says %d', async (status) => {
    await using server = await startFakeServer(() => ({ status }))
    await expect(pushAll(server)).rejects.toThrow(`: ${status} `)
    expect(methodsOf(server)).toEqual(['POST'])
  })
})

describe('a broken upload', () => {
  test('goes on from the byte that the server has', async () => {
    let told = 0
    await using server = await startFakeServer(
      script((request) => {
        if (request.method === 'GET')
          return { status: 204, headers: { range: '0-999999', location: `${uploads}1?_state=later` } }
        return breaks(request)
      }),
    )
    const breaks = first('PUT', { resetAfter: 1_000_000 })
    await using test = openTestClient()
    const onBytes: OnBytes = (_, count) => {
      told += count
    }
    await test.open(server.host).pushBlob(descriptor, sampleContent(bytes), { onBytes })
    expect(methodsOf(server)).toEqual(['POST', 'PUT', 'GET', 'PUT'])
    const last = server.requests.at(-1)
    expect(last?.path).toContain('_state=later')
    expect(last?.headers['content-range']).toBe('1000000-1999999')
    expect(last?.body.equals(bytes.subarray(1_000_000))).toBe(true)
    expect(told).toBe(bytes.length)
    expect(test.retries).toHaveLength(1)
  })

  test('is only ended where the server has every byte', async () => {
    const breaks = first('PUT', { resetAfter: bytes.length })
    await using server = await startFakeServer(
      script((request) =>
        request.method === 'GET' ? { status: 204, headers: { range: `0-${bytes.length - 1}` } } : breaks(request),
      ),
    )
    await using test = openTestClient()
    await test.open(server.host).pushBlob(descriptor, sampleContent(bytes))
    expect(methodsOf(server)).toEqual(['POST', 'PUT', 'GET', 'PUT'])
    const { headers } = server.requests.at(-1)!
    expect([headers['content-range'], headers['content-length']]).toEqual([undefined, '0'])
  })

  test('begins again where the server does not take the rest of it', async () => {
    const breaks = first(
      'PUT',
      { resetAfter: 1_000_000 },
      { status: 400, body: '{"errors":[{"code":"DIGEST_INVALID"}]}' },
    )
    await using server = await startFakeServer(
      script((request) =>
        request.method === 'GET' ? { status: 204, headers: { range: '0-999999' } } : breaks(request),
      ),
    )
    await using test = openTestClient()
    await test.open(server.host).pushBlob(descriptor, sampleContent(bytes))
    expect(methodsOf(server)).toEqual(['POST', 'PUT', 'GET', 'PUT', 'POST', 'PUT'])
    expect(server.requests.at(-1)?.body.equals(bytes)).toBe(true)
  })

  test('begins again where the server has forgotten it', async () => {
    await using server = await startFakeServer(script(first('PUT', { resetAfter: 100_000 })))
    await using test = openTestClient()
    await test.open(server.host).pushBlob(descriptor, sampleContent(bytes))
    expect(methodsOf(server)).toEqual(['POST', 'PUT', 'GET', 'HEAD', 'POST', 'PUT'])
  })

  test('is done where only the answer was lost', async () => {
    await using server = await startFakeServer(
      script((request) => {
        if (request.method === 'HEAD') return { status: 200, headers: { 'content-length': String(bytes.length) } }
        return request.method === 'PUT' ? { resetAfter: bytes.length } : undefined
      }),
    )
    await using test = openTestClient()
    await test.open(server.host).pushBlob(descriptor, sampleContent(bytes))
    expect(methodsOf(server)).toEqual(['POST', 'PUT', 'GET', 'HEAD'])
  })

  test('begins again where the server has no bytes of it', async () => {
    const broken = first('PUT', { resetAfter: 1 })
    await using server = await startFakeServer(
      script((request) => {
        if (request.method === 'GET') return { status: 204, headers: { range: '0-0' } }
        return request.method === 'DELETE' ? { status: 204 } : broken(request)
      }),
    )
    await using test = openTestClient()
    await test.open(server.host).pushBlob(descriptor, sampleContent(bytes))
    expect(methodsOf(server)).toEqual(['POST', 'PUT', 'GET', 'DELETE', 'POST', 'PUT'])
    expect(server.requests.at(-1)?.body.equals(bytes)).toBe(true)
  })

  test('ends in one sentence where it never succeeds', async () => {
    await using server = await startFakeServer(script(({ method }) => (method === 'PUT' ? 'reset' : undefined)))
    await using test = openTestClient({ limits: { attempts: 3 } })
    const error = (await errorOf(test.open(server.host).pushBlob(descriptor, sampleContent(bytes)))) as StoreError
    expect([error.code, error.kind]).toEqual(['UNREACHABLE', 'registry'])
    expect(error.message).toContain('gave up after 3 attempts')
  })

  test('of content that fails here is not tried again', async () => {
    await using server = await startFakeServer(script())
    await using test = openTestClient()
    const content = {
      origin: 'layer.tar',
      async *open() {
        yield bytes.subarray(0, 1000)
        throw new Error('layer.tar: input/output error')
      },
    }
    const error = await errorOf(test.open(server.host).pushBlob(descriptor, content))
    expect(error.message).toBe('layer.tar: input/output error')
    expect(test.retries).toEqual([])
  })
})

describe('an upload in chunks', () => {
  const large = sampleBlob(randomBytes(40_000_000))

  test('that breaks goes on behind its last whole chunk', async () => {
    const registry = createFakeRegistry({ quirks: ['smallest chunk', 'Location with a query'] })
    let chunks = 0
    await using server = await startFakeServer((request) => {
      if (request.method === 'PATCH') chunks += 1
      return request.method === 'PATCH' && chunks === 2 ? { resetAfter: 1_000_000 } : registry(request)
    })
    await using test = openTestClient()
    const store = test.open(server.host)
    let told = 0
    const onBytes: OnBytes = (_, count) => {
      told += count
    }
    await store.pushBlob(large.descriptor, sampleContent(large.bytes), { onBytes })
    expect(methodsOf(server)).toEqual(['POST', 'PATCH', 'PATCH', 'GET', 'PATCH', 'PUT'])
    expect(server.requests[4]?.headers['content-range']).toMatch(/^16777216-/)
    expect([told, test.retries.length]).toEqual([large.bytes.length, 1])
    expect((await readAll(store.getBlob(large.descriptor))).equals(large.bytes)).toBe(true)
  })

  test.each(['0', '99999999999999999999', '-1', '16 MiB', '999999999999'])(
    'is none where the registry asks for chunks of "%s" and the blob fits into one',
    async (length) => {
      await using server = await startFakeServer(
        script(({ method }) =>
          method === 'POST'
            ? { status: 202, headers: { location: session, 'oci-chunk-min-length': length } }
            : undefined,
        ),
      )
      await using test = openTestClient()
      await test.open(server.host).pushBlob(descriptor, sampleContent(bytes))
      expect(methodsOf(server)).toEqual(['POST', 'PUT'])
    },
  )

  test('is none of content that has fewer bytes than it says', async () => {
    await using server = await startFakeServer(createFakeRegistry({ quirks: ['smallest chunk'] }))
    await using test = openTestClient()
    const short = sampleContent(large.bytes.subarray(0, 20_000_000), 'out/blobs/layer')
    const error = (await errorOf(test.open(server.host).pushBlob(large.descriptor, short))) as StoreError
    expect([error.code, error.message]).toEqual([
      'SIZE_INVALID',
      expect.stringContaining('out/blobs/layer has only 20000000'),
    ])
  })
})

describe.skipIf(lacks('docker-registry'))('a real registry behind a line that breaks', () => {
  test('gets every byte', { timeout: 120_000 }, async () => {
    await using registry = await startRegistry()
    await using proxy = await startFaultProxy({
      target: registry.host,
      seed: 7,
      resets: 0.3,
      truncations: 0.1,
      within: 400_000,
    })
    await using test = openTestClient({ limits: { attempts: 20 } })
    const store = test.open(proxy.host)
    const blobs = Array.from({ length: 40 }, () => sampleBlob(randomBytes(300_000)))
    await Promise.all(blobs.map((blob) => store.pushBlob(blob.descriptor, sampleContent(blob.bytes))))
    expect(proxy.faults().reset + proxy.faults().truncated).toBeGreaterThan(0)
    await using direct = openTestClient()
    for (const blob of blobs)
      expect((await readAll(direct.open(registry.host).getBlob(blob.descriptor))).equals(blob.bytes)).toBe(true)
    for (const blob of blobs) expect(await readAll(store.getBlob(blob.descriptor))).toHaveLength(blob.bytes.length)
  })
})
