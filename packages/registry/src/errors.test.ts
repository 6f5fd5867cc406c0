// What a user is told when a server refuses, talks nonsense or goes away.
import { StoreError } from '@polyarch/oci'
import { sampleImage } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { cleanText, redactUrl } from './errors.ts'
import { type FakeReply, type FakeScript, startFakeServer } from './testing/fake-server.ts'
import { errorOf, openTestClient } from './testing/samples.ts'

const image = sampleImage({ os: 'linux', architecture: 'amd64' })

/** The error of pushing a manifest to a server that always answers with the script. */
const refusedBy = async (
  script: FakeScript,
): Promise<{ error: StoreError; retries: readonly string[]; count: number }> => {
  await using server = await startFakeServer(script)
  await using test = openTestClient()
  const error = await errorOf(test.open(server.host).pushManifest(image.manifest))
  expect(error).toBeInstanceOf(StoreError)
  return { error: error as StoreError, retries: test.retries, count: server.requests.length }
}

const json = (status: number, body: unknown): FakeReply => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

describe('a refusal', () => {
  test('keeps the code of the spec, the request and the reason', async () => {
    const { error, count } = await refusedBy(() =>
      json(400, { errors: [{ code: 'TAG_INVALID', message: 'tags are immutable here', detail: 'v1' }] }),
    )
    expect(error.code).toBe('TAG_INVALID')
    expect(error.kind).toBe('registry')
    expect(error.message).toMatch(
      /^PUT http:\/\/127\.0\.0\.1:\d+\/v2\/acme\/web\/manifests\/sha256:[0-9a-f]{64}: 400 TAG_INVALID: tags are immutable here \(v1\)$/,
    )
    expect(count).toBe(1)
  })

  test('with a code that the spec does not know keeps it as text', async () => {
    const { error } = await refusedBy(() => json(412, { errors: [{ code: 'PRECONDITION', message: 'immutable' }] }))
    expect([error.code, error.message.endsWith('PRECONDITION immutable')]).toEqual(['UNKNOWN', true])
  })

  test('without JSON is shown as plain text, without tags and on one line', async () => {
    const { error } = await refusedBy(() => ({
      status: 413,
      headers: { 'content-type': 'text/html' },
      body: '<html><head><title>413</title></head>\r\n<body><h1>Request Entity Too Large</h1>\n::error::forged</body></html>',
    }))
    expect(error.code).toBe('UNKNOWN')
    expect(error.message).toContain('413 Request Entity Too Large')
    expect(error.message).not.toMatch(/[\r\n<]|::error/)
  })

  test.each([
    ['opens tags without an end', '<'],
    ['opens long tags without an end', '<a '],
    ['is full of spaces', ' '],
    ['is full of control characters', '\u0000\u202e'],
  ])('that is a page of a MiB and %s is a sentence soon', async (_, piece) => {
    const body = piece.repeat((1024 * 1024) / piece.length)
    const { error } = await refusedBy(() => ({ status: 400, headers: { 'content-type': 'text/html' }, body }))
    expect(error.message).toMatch(/: 400 UNKNOWN: [^\p{Cc}]{1,450}$/u)
  })

  test('whose body never ends is read up to a limit', async () => {
    const { error } = await refusedBy(() => ({ status: 400, body: Buffer.alloc(20_000_000, 'x') }))
    expect(error.message.length).toBeLessThan(700)
  })

  test.each([
    ['null', 'null'],
    ['a list', '[1]'],
    ['errors that are no list', '{"errors":{"code":"DENIED"}}'],
    ['errors that are no objects', '{"errors":[null,7]}'],
    ['codes that are no text', '{"errors":[{"code":{},"message":[],"detail":{"digest":5}}]}'],
    ['a prototype', '{"errors":[{"code":"__proto__"}]}'],
  ])('whose JSON is %s is still a sentence', async (_, body) => {
    const { error } = await refusedBy(() => ({ status: 400, headers: { 'content-type': 'application/json' }, body }))
    expect(error.code).toBe('UNKNOWN')
  })

  test.each([
    ['texts', (digest: string) => digest],
    ['objects', (digest: string) => ({ digest, name: 'x' })],
    ['sentences', (digest: string) => `unknown blob ${digest} in acme/web`],
  ])('for missing blobs lists them, given as %s', async (_, detail) => {
    const missing = [image.config.descriptor.digest, image.layers[0]!.descriptor.digest]
    const errors = missing.map((digest) => ({
      code: 'MANIFEST_BLOB_UNKNOWN',
      message: 'blob unknown',
      detail: detail(digest),
    }))
    const { error } = await refusedBy(() => json(400, { errors: [{ code: 'MANIFEST_INVALID' }, ...errors] }))
    expect([error.code, error.missing]).toEqual(['MANIFEST_BLOB_UNKNOWN', missing])
  })

  test('for missing blobs whose detail nests without end lists what is near', async () => {
    const digest = image.config.descriptor.digest
    const depth = 5_000
    const deep = `{"digest":"${digest}","digests":${'{"digest":'.repeat(depth)}1${'}'.repeat(depth)}}`
    const body = `{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","detail":${deep}}]}`
    const { error } = await refusedBy(() => ({ status: 400, headers: { 'content-type': 'application/json' }, body }))
    expect([error.code, error.missing]).toEqual(['MANIFEST_BLOB_UNKNOWN', [digest]])
  })

  test('to HEAD says why it gives no reason', async () => {
    await using server = await startFakeServer(() => ({ status: 418 }))
    await using test = openTestClient()
    const error = await errorOf(test.open(server.host).resolveManifest('v1'))
    expect(error.message).toContain('HEAD')
    expect(error.message).toContain('418 UNKNOWN: an answer to HEAD gives no reason')
  })
})

describe('what passes is tried again', () => {
  test('a limit, after as long as the server asks, with one line each that says why and how long', async () => {
    let answers = 0
    await using server = await startFakeServer(() => {
      answers += 1
      if (answers > 2) return { status: 201 }
      return { status: 429, headers: { 'retry-after': '7' }, body: 'slow down' }
    })
    await using test = openTestClient({ limits: { firstDelay: 100 } })
    await test.open(server.host).pushManifest(image.manifest, 'v1')
    expect(test.retries).toHaveLength(2)
    for (const line of test.retries)
      expect(line).toMatch(/acme\/web: PUT .* 429 TOOMANYREQUESTS: slow down; attempt [23] follows in 7\.1 s$/)
    expect(test.clock.sleeps.filter((pause) => pause === 7100)).toHaveLength(2)
  })

  test('a limit that comes as another status, by its code', async () => {
    let answers = 0
    await using server = await startFakeServer(() => {
      answers += 1
      return answers > 1
        ? { status: 201 }
        : json(400, { errors: [{ code: 'TOOMANYREQUESTS', message: 'Rate exceeded' }] })
    })
    await using test = openTestClient()
    await test.open(server.host).pushManifest(image.manifest, 'v1')
    expect(answers).toBe(2)
  })

  test.each<[string, FakeScript]>([
    ['a server error', () => ({ status: 503, body: 'starting' })],
    ['a broken connection', () => 'reset'],
    ['an answer that breaks off', () => ({ status: 500, body: 'x'.repeat(1000), cutAfter: 10 })],
  ])('%s, until the patience ends', async (_, script) => {
    let healthy = false
    await using server = await startFakeServer((request) => (healthy ? { status: 201 } : script(request)))
    await using test = openTestClient({ limits: { attempts: 3 } })
    const store = test.open(server.host)
    const error = (await errorOf(store.pushManifest(image.manifest, 'v1'))) as StoreError
    expect(error.message).toMatch(/gave up after 3 attempts/)
    expect(error.kind).toBe('registry')
    expect(test.retries).toHaveLength(2)
    healthy = true
    await store.pushManifest(image.manifest, 'v1')
  })

  test('not where the server asks for more patience than there is', async () => {
    const { error, count } = await refusedBy(() => ({ status: 429, headers: { 'retry-after': '86400' } }))
    expect(error.message).toContain('it asks to wait 1440.0 min')
    expect(count).toBe(1)
    const endless = await refusedBy(() => ({ status: 429, headers: { 'retry-after': '9'.repeat(40) } }))
    expect(endless.error.message).toMatch(/it asks to wait \d+\.\d min/)
    expect(endless.count).toBe(1)
  })

  test('not where the refusal is for good', async () => {
    const { count } = await refusedBy(() => ({ status: 403, body: 'no' }))
    expect(count).toBe(1)
  })

  test('a host that is not there, for a short while', async () => {
    const gone = await startFakeServer(() => 'reset')
    const { host } = gone
    await gone[Symbol.asyncDispose]()
    await using test = openTestClient()
    const error = await errorOf(test.open(host).resolveManifest('v1'))
    expect(error.message).toContain(`${host}: it refuses connections (gave up after 4 attempts)`)
  })
})

test('one host’s limit does not slow another', async () => {
  let refused = false
  await using slow = await startFakeServer(() => {
    if (refused) return { status: 201 }
    refused = true
    return { status: 429, headers: { 'retry-after': '60' } }
  })
  await using fast = await startFakeServer(() => ({ status: 201 }))
  let now = 0
  const paused = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  await using test = openTestClient({
    clock: {
      now: () => now,
      sleep: (milliseconds) => {
        reached.resolve()
        return paused.promise.then(() => {
          now += milliseconds
        })
      },
    },
  })
  const waiting = test.open(slow.host).pushManifest(image.manifest, 'v1')
  await reached.promise
  for (let i = 0; i < 20; i += 1) await test.open(fast.host).pushManifest(image.manifest, 'v1')
  expect(slow.requests).toHaveLength(1)
  paused.resolve()
  await waiting
  expect(slow.requests).toHaveLength(2)
})

test('URLs in messages carry no login, and of a query only what the spec defines', () => {
  const url = new URL(
    'https://user:pass@r.example/v2/a/blobs/uploads/1?_state=secret&digest=sha256:1&X-Amz-Signature=secret#s',
  )
  expect(redactUrl(url)).toBe('https://r.example/v2/a/blobs/uploads/1?_state=…&digest=sha256:1&X-Amz-Signature=…')
  const forged = new URL(
    'https://r.example/v2/%0A?%0A%3A%3Aerror%3A%3Ax=1&digest=%0A%1b%5B31mx&scope=repository:a/b:pull,push',
  )
  expect(redactUrl(forged)).toBe(
    'https://r.example/v2/%0A?%0A::error::x=…&digest=%0A%1B%5B31mx&scope=repository:a/b:pull,push',
  )
})

test('texts of servers cannot forge lines or commands', () => {
  expect(cleanText('a\r\n::set-output name=x::y\u001b[31m\u2028b')).toBe('a : :set-output name=x: :y [31m b')
  expect(cleanText('x'.repeat(1000))).toHaveLength(401)
})

test('a body that is too long is an error, not memory', async () => {
  await using server = await startFakeServer(() => ({ status: 200, body: Buffer.alloc(5_000_000, '{') }))
  await using test = openTestClient()
  const error = await errorOf(test.open(server.host).getManifest('v1'))
  expect(error.message).toContain('longer than the limit of 4194304 bytes')
})
