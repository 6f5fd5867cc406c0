// Blobs on their way here: followed to other hosts, continued after breaks, checked to the last byte.
import { randomBytes } from 'node:crypto'
import type { StoreError } from '@polyarch/oci'
import { sampleBlob } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { type FakeScript, startFakeServer } from './testing/fake-server.ts'
import { startRawServer } from './testing/raw-server.ts'
import { errorOf, openTestClient, readAll } from './testing/samples.ts'

const { bytes, descriptor } = sampleBlob(randomBytes(3_000_000))

/** Serves the blob; the n-th answer breaks off after as many bytes as the list says. */
const serve = (cuts: readonly number[], options: { ranges?: boolean } = {}): FakeScript => {
  let count = 0
  return ({ headers }) => {
    const cutAfter = cuts[count]
    count += 1
    const start = options.ranges === false ? 0 : Number(/bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0)
    return {
      status: start === 0 ? 200 : 206,
      headers: start === 0 ? {} : { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` },
      body: bytes.subarray(start),
      ...(cutAfter === undefined ? {} : { cutAfter }),
    }
  }
}

describe('a blob', () => {
  test('whose connection breaks goes on from there', async () => {
    await using server = await startFakeServer(serve([1_000_000, 500_000]))
    await using test = openTestClient()
    expect((await readAll(test.open(server.host).getBlob(descriptor))).equals(bytes)).toBe(true)
    const starts = server.requests.map(({ headers }) => Number(/\d+/.exec(headers.range ?? '0')?.[0]))
    expect(starts[0]).toBe(0)
    expect(starts[1]).toBeGreaterThan(0)
    expect(starts[2]).toBeGreaterThan(starts[1] ?? 0)
    expect(test.retries).toHaveLength(2)
  })

  test('whose server knows no ranges begins again, and no byte comes twice', async () => {
    await using server = await startFakeServer(serve([1_000_000], { ranges: false }))
    await using test = openTestClient()
    expect((await readAll(test.open(server.host).getBlob(descriptor))).equals(bytes)).toBe(true)
    expect(
      (await readAll(test.open(server.host).getBlob(descriptor, 2_999_990))).equals(bytes.subarray(2_999_990)),
    ).toBe(true)
  })

  test('that is whole when its connection breaks is not asked for again', async () => {
    const small = sampleBlob('all of it')
    const length = small.bytes.length
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
    const whole = Buffer.concat([Buffer.from(`${head}${length.toString(16)}\r\n`), small.bytes, Buffer.from('\r\n')])
    await using server = await startRawServer([
      { bytes: whole, after: 'end' },
      { bytes: Buffer.from('HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n'), after: 'keep' },
    ])
    await using test = openTestClient()
    expect(String(await readAll(test.open(server.host).getBlob(small.descriptor)))).toBe('all of it')
    expect([server.received.match(/^GET /gm)?.length, test.retries]).toEqual([1, []])
  })

  test('whose bytes are others is refused also where its connection breaks behind them', async () => {
    const small = sampleBlob('all of it')
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
    await using server = await startRawServer([{ bytes: Buffer.from(`${head}9\r\nnot of it\r\n`), after: 'end' }])
    await using test = openTestClient()
    const error = (await errorOf(readAll(test.open(server.host).getBlob(small.descriptor)))) as StoreError
    expect(error.code).toBe('DIGEST_INVALID')
  })

  test('that never gets further ends in one sentence', async () => {
    await using server = await startFakeServer(serve(Array.from({ length: 100 }, () => 0)))
    await using test = openTestClient({ limits: { attempts: 4 } })
    const error = await errorOf(readAll(test.open(server.host).getBlob(descriptor)))
    expect(error.message).toContain('gave up after 4 attempts')
    expect(server.requests).toHaveLength(4)
  })

  test.each([
    ['other bytes', Buffer.concat([bytes.subarray(1), bytes.subarray(0, 1)]), 'DIGEST_INVALID'],
    ['fewer bytes', bytes.subarray(1), 'SIZE_INVALID'],
    ['more bytes', Buffer.concat([bytes, bytes]), 'SIZE_INVALID'],
  ])('that comes with %s is refused, once and for all', async (_, body, code) => {
    await using server = await startFakeServer(() => ({ status: 200, body }))
    await using test = openTestClient()
    const error = (await errorOf(readAll(test.open(server.host).getBlob(descriptor)))) as StoreError
    expect([error.code, error.kind]).toEqual([code, 'verification'])
    expect(error.message).toContain(`${server.host}/acme/web@${descriptor.digest}`)
    expect(server.requests).toHaveLength(1)
  })

  test('of which another part comes than was asked for is refused', async () => {
    await using server = await startFakeServer(() => ({
      status: 206,
      headers: { 'content-range': `bytes 0-${bytes.length - 1}/${bytes.length}` },
      body: bytes,
    }))
    await using test = openTestClient()
    const error = await errorOf(readAll(test.open(server.host).getBlob(descriptor, 100)))
    expect(error.message).toContain('asked for bytes from 100 on')
  })
})

describe('a redirect', () => {
  const login = async () => ({ username: 'ada', password: 'open sesame' })
  const protect =
    (script: FakeScript): FakeScript =>
    (request) =>
      request.headers.authorization === undefined
        ? { status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } }
        : script(request)

  test('to another origin is followed without the login', async () => {
    await using storage = await startFakeServer(() => ({ status: 200, body: bytes }))
    await using server = await startFakeServer(
      protect(() => ({ status: 307, headers: { location: `${storage.origin}/bucket?X-Amz-Signature=s` } })),
    )
    await using test = openTestClient({ login })
    expect((await readAll(test.open(server.host).getBlob(descriptor))).equals(bytes)).toBe(true)
    expect(server.requests.at(-1)?.headers.authorization).toBeDefined()
    expect(storage.requests.map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ['/bucket?X-Amz-Signature=s', undefined],
    ])
  })

  test('within the origin keeps the login', async () => {
    await using server = await startFakeServer(
      protect(({ path }) =>
        path === '/elsewhere' ? { status: 200, body: bytes } : { status: 302, headers: { location: '/elsewhere' } },
      ),
    )
    await using test = openTestClient({ login })
    expect(await readAll(test.open(server.host).getBlob(descriptor))).toHaveLength(bytes.length)
    expect(server.requests.at(-1)?.headers.authorization).toBeDefined()
  })

  test('that the other origin refuses with a challenge gets no login', async () => {
    await using storage = await startFakeServer(() => ({
      status: 401,
      headers: { 'www-authenticate': 'Basic realm="x"' },
    }))
    await using server = await startFakeServer(protect(() => ({ status: 307, headers: { location: storage.origin } })))
    await using test = openTestClient({ login })
    const error = (await errorOf(readAll(test.open(server.host).getBlob(descriptor)))) as StoreError
    expect(error.code).toBe('UNAUTHORIZED')
    expect(storage.requests.every(({ headers }) => headers.authorization === undefined)).toBe(true)
  })

  test('in a circle ends', async () => {
    await using server = await startFakeServer(() => ({ status: 302, headers: { location: '/round' } }))
    await using test = openTestClient()
    const error = await errorOf(readAll(test.open(server.host).getBlob(descriptor)))
    expect(error.message).toContain('302 UNKNOWN: it redirects again and again')
    expect(server.requests.length).toBeLessThan(10)
  })
})

describe('mirrors', () => {
  test('are read first, and the origin where they lack the content', async () => {
    const other = sampleBlob('only at the origin')
    await using mirror = await startFakeServer(({ path }) =>
      path === `/v2/proxy/acme/web/blobs/${descriptor.digest}` ? { status: 200, body: bytes } : { status: 404 },
    )
    await using origin = await startFakeServer(({ path }) =>
      path.endsWith(other.descriptor.digest) ? { status: 200, body: other.bytes } : { status: 404 },
    )
    await using test = openTestClient({ mirrors: { [origin.host]: [`${mirror.host}/proxy`] } })
    const store = test.open(origin.host)
    expect(await readAll(store.getBlob(descriptor))).toHaveLength(bytes.length)
    expect(origin.requests).toEqual([])
    expect(String(await readAll(store.getBlob(other.descriptor)))).toBe('only at the origin')
    expect(test.retries).toHaveLength(1)
  })

  test('that break off are left for the origin, from the byte where they broke', async () => {
    await using mirror = await startFakeServer(serve([1_000_000]))
    await using origin = await startFakeServer(serve([]))
    await using test = openTestClient({ mirrors: { [origin.host]: [mirror.host] } })
    expect((await readAll(test.open(origin.host).getBlob(descriptor))).equals(bytes)).toBe(true)
    expect(origin.requests[0]?.headers.range).toMatch(/^bytes=[1-9]\d*-$/)
  })

  test('that are not there are passed over, once', async () => {
    const gone = await startFakeServer(() => 'reset')
    await gone[Symbol.asyncDispose]()
    await using origin = await startFakeServer(serve([]))
    await using test = openTestClient({ mirrors: { [origin.host]: [gone.host] } })
    const store = test.open(origin.host)
    for (let i = 0; i < 3; i += 1) expect(await readAll(store.getBlob(descriptor))).toHaveLength(bytes.length)
    expect(test.retries).toHaveLength(1)
    expect(test.retries[0]).toContain(`${gone.host}: it refuses connections`)
  })
})
