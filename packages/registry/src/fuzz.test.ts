// Whatever a server answers: it ends, in a result or in one sentence, and no login goes anywhere else.
import { setTimeout as sleep } from 'node:timers/promises'
import { digestOf, Failure, mediaTypes, type Store } from '@polyarch/oci'
import { sampleContent, sampleImage } from '@polyarch/parts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type RawAnswer, startRawServer } from './testing/raw-server.ts'
import { openTestClient, readAll } from './testing/samples.ts'

const password = 'open-sesame-0815'
const secrets = [password, Buffer.from(`ada:${password}`).toString('base64')]

const image = sampleImage({ os: 'linux', architecture: 'amd64' }, ['layer'], {
  subject: { mediaType: mediaTypes.ociManifest, digest: digestOf(Buffer.from('subject')), size: 7 },
})
const layer = image.layers[0]!
const { digest } = image.manifest.descriptor

/** Everything that a store can be asked for. */
const operations: Readonly<Record<string, (store: Store) => Promise<unknown>>> = {
  resolveManifest: (store) => store.resolveManifest('latest'),
  resolveByDigest: (store) => store.resolveManifest(digest),
  getManifest: (store) => store.getManifest('latest'),
  getByDigest: (store) => store.getManifest(digest),
  resolveBlob: (store) => store.resolveBlob(layer.descriptor.digest),
  getBlob: (store) => readAll(store.getBlob(layer.descriptor)),
  getBlobFrom: (store) => readAll(store.getBlob(layer.descriptor, 2)),
  listTags: (store) => store.listTags(),
  listReferrers: (store) => store.listReferrers(digest),
  pushBlob: (store) => store.pushBlob(layer.descriptor, sampleContent(layer.bytes)),
  mountBlob: (store) =>
    store.pushBlob(layer.descriptor, sampleContent(layer.bytes), {
      mountFrom: [{ host: store.location.split('/')[0] ?? '', name: 'a/b' }],
      mayBePresent: true,
    }),
  pushManifest: (store) => store.pushManifest(image.manifest, 'latest'),
  deleteManifest: (store) => store.deleteManifest(digest),
}

const statuses = [
  [200, 201, 202, 204, 206, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 409, 412, 416, 418, 429],
  [500, 501, 502, 503, 504, 511, 100, 101, 103, 199, 299, 399, 599, 600, 999, 0],
].flat()

/** What would be a line, a command or a colour of its own in a log. */
const forged = '\n\r::error::forged\n##[error]forged\u001b[31m\u0085\u2028\u202e'

/** Where another host is meant, `OTHER` stands for it; `SELF` for the server's own address. */
const locations = [
  '/v2/acme/web/blobs/uploads/1?_state=x',
  'http://OTHER/v2/acme/web/blobs/uploads/1',
  'http://ada:pw@OTHER/x',
  '//OTHER/x',
  'http://SELF/v2/',
  'file:///etc/passwd',
  'http://',
  '',
  '\\\\OTHER\\x',
  '../../../..',
  'http://[::1',
  '?x'.repeat(3_000),
  `/v2/acme/web/x?${encodeURIComponent(forged)}=1&digest=${encodeURIComponent(forged)}`,
  `/v2/${encodeURIComponent(forged)}`,
]

const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.constantFrom('0', '-1', '1e9', '99999999999999999999', 'NaN', ' ', '0-5', 'bytes 0-1/2', `${'x'.repeat(5_000)}`),
)

const header = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constant('Location'), fc.constantFrom(...locations)) },
  {
    weight: 3,
    arbitrary: fc.tuple(
      fc.constant('WWW-Authenticate'),
      fc.constantFrom(
        'Basic realm="x"',
        'Basic',
        'Bearer realm="http://SELF/token",service="s",scope="repository:acme/web:pull"',
        'Bearer realm="http://SELF/token',
        'Bearer realm="not a url"',
        'Bearer',
        'Bearer realm="file:///etc/passwd"',
        'Negotiate, Basic realm="a", Bearer realm="http://SELF/token"',
        `Basic realm="${'a'.repeat(20_000)}"`,
        ',,,=",',
      ),
    ),
  },
  fc.tuple(
    fc.constant('Link'),
    fc.constantFrom(
      '</v2/acme/web/tags/list?last=a>; rel="next"',
      '<http://OTHER/v2/x>; rel="next"',
      '<>; rel=next',
      '<'.repeat(5_000),
      '<a>; rel="next", <b>; rel="next"',
    ),
  ),
  fc.tuple(
    fc.constant('Docker-Content-Digest'),
    fc.constantFrom(digest, digestOf(Buffer.from('x')), 'sha256:', '../../x'),
  ),
  fc.tuple(fc.constant('Content-Type'), fc.constantFrom(...Object.values(mediaTypes), 'text/html', '', ';;', 'a/b')),
  fc.tuple(fc.constantFrom('Range', 'Content-Range', 'Retry-After', 'OCI-Chunk-Min-Length', 'OCI-Subject'), text),
  fc.tuple(fc.constantFrom('Content-Encoding', 'Connection', 'X-Anything', 'Set-Cookie'), text),
)

const descriptor = fc.record(
  {
    mediaType: fc.constantFrom(...Object.values(mediaTypes), 'x', '', forged) as fc.Arbitrary<unknown>,
    digest: fc.constantFrom(digest, 'sha256:../../../etc', '', null, forged) as fc.Arbitrary<unknown>,
    size: fc.constantFrom(0, 7, -1, 1e300, '7', null) as fc.Arbitrary<unknown>,
    annotations: fc.jsonValue({ maxDepth: 2 }),
    platform: fc.jsonValue({ maxDepth: 2 }),
  },
  { requiredKeys: [] },
)

const document = fc.record(
  {
    schemaVersion: fc.constantFrom(2, 1, '2', null),
    mediaType: fc.constantFrom(...Object.values(mediaTypes), null, 7, forged),
    manifests: fc.oneof(fc.array(descriptor, { maxLength: 3 }), fc.jsonValue({ maxDepth: 1 })),
    config: fc.oneof(descriptor, fc.jsonValue({ maxDepth: 1 })),
    layers: fc.oneof(fc.array(descriptor, { maxLength: 3 }), fc.jsonValue({ maxDepth: 1 })),
    subject: descriptor,
    tags: fc.oneof(fc.array(fc.string()), fc.jsonValue({ maxDepth: 1 })),
    errors: fc.oneof(
      fc.array(fc.record({ code: fc.jsonValue(), message: fc.jsonValue(), detail: fc.jsonValue() })),
      fc.jsonValue({ maxDepth: 1 }),
    ),
    token: fc.oneof(fc.string(), fc.jsonValue({ maxDepth: 1 })),
    expires_in: fc.oneof(fc.double(), fc.jsonValue({ maxDepth: 1 })),
  },
  { requiredKeys: [] },
)

const nest = (depth: number, opening: string, closing: string): string =>
  `${opening.repeat(depth)}1${closing.repeat(depth)}`

/** Valid, and deeper than what calls itself once for each level can follow. */
const deepDocuments = [
  `{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","detail":${nest(5_000, '{"digest":', '}')}}]}`,
  `{"mediaType":"${mediaTypes.ociIndex}","manifests":[],"x":${nest(100_000, '[', ']')}}`,
  `{"mediaType":"${mediaTypes.ociManifest}","config":${nest(20_000, '{"config":', '}')},"layers":[]}`,
  `{"tags":${nest(100_000, '[', ']')},"token":${nest(20_000, '[', ']')}}`,
].map((text) => Buffer.from(text))

const body = fc.oneof(
  { weight: 4, arbitrary: document.map((value) => Buffer.from(JSON.stringify(value))) },
  fc.json().map((json) => Buffer.from(json)),
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(
    Buffer.from(image.manifest.bytes),
    Buffer.from(layer.bytes),
    Buffer.from('{"__proto__":{"mediaType":"x"},"constructor":{"prototype":{}}}'),
    Buffer.from('['.repeat(60_000)),
    ...deepDocuments,
    Buffer.from(JSON.stringify({ tags: Array.from({ length: 300_000 }, () => 'a') })),
    Buffer.from(
      JSON.stringify({
        errors: Array.from({ length: 20_000 }, () => ({ code: 'MANIFEST_BLOB_UNKNOWN', detail: digest })),
      }),
    ),
    Buffer.alloc(200_000, 'a'),
  ),
)

type Framing = 'right' | 'short' | 'long' | 'twice' | 'negative' | 'none' | 'chunked' | 'broken chunks'

const frame = (framing: Framing, bytes: Buffer): readonly [headers: string, body: Buffer] => {
  const length = (value: number) => `Content-Length: ${value}\r\n`
  const chunk = (size: string) => Buffer.concat([Buffer.from(`${size}\r\n`), bytes, Buffer.from('\r\n0\r\n\r\n')])
  switch (framing) {
    case 'right':
      return [length(bytes.length), bytes]
    case 'short':
      return [length(Math.max(0, bytes.length - 3)), bytes]
    case 'long':
      return [length(bytes.length + 3), bytes]
    case 'twice':
      return [length(bytes.length) + length(1), bytes]
    case 'negative':
      return [length(-1), bytes]
    case 'none':
      return ['', bytes]
    case 'chunked':
      return ['Transfer-Encoding: chunked\r\n', chunk(bytes.length.toString(16))]
    case 'broken chunks':
      return ['Transfer-Encoding: chunked\r\n', chunk('zz')]
  }
}

const answer = fc.record({
  status: fc.oneof(fc.constantFrom(...statuses), fc.constantFrom(200, 201, 202, 401, 307)),
  headers: fc.array(header, { maxLength: 4 }),
  body,
  framing: fc.oneof(
    fc.constant<Framing>('right'),
    fc.constantFrom<Framing>('short', 'long', 'twice', 'negative', 'none', 'chunked', 'broken chunks'),
  ),
  after: fc.oneof(
    { weight: 12, arbitrary: fc.constant<RawAnswer['after']>('keep') },
    { weight: 4, arbitrary: fc.constantFrom<RawAnswer['after']>('end', 'reset') },
    { weight: 1, arbitrary: fc.constant<RawAnswer['after']>('stall') },
  ),
})
type Answer = typeof answer extends fc.Arbitrary<infer T> ? T : never

const encode = ({ status, headers, body: bytes, framing, after }: Answer, self: string, other: string): RawAnswer => {
  const [length, framed] = frame(framing, bytes)
  const lines = headers.map(([name, value]) => `${name}: ${value.replaceAll('SELF', self).replaceAll('OTHER', other)}`)
  const head = `HTTP/1.1 ${status} Whatever\r\n${lines.map((line) => `${line}\r\n`).join('')}${length}\r\n`
  // A body whose end nobody can see would only be waited for: that is what `stall` is for.
  const isOpen = after === 'keep' && ['long', 'none', 'broken chunks'].includes(framing)
  return { bytes: Buffer.concat([Buffer.from(head), framed]), after: isOpen ? 'end' : after }
}

/** More of them find more: set the variable for a longer search. */
const runs = Number(process.env['POLYARCH_FUZZ_RUNS'] || 200)

/** A client that waits for next to nothing. */
const limits = {
  attempts: 3,
  connectTimeout: 1_000,
  answerTimeout: 300,
  stallTimeout: 300,
  longestRetryAfter: 10_000,
  retryBudget: 12,
}

test('whatever a server answers, it ends, in one sentence, and the login goes nowhere else', {
  timeout: 300_000,
}, async () => {
  await using other = await startRawServer([
    {
      bytes: Buffer.from('HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n'),
      after: 'keep',
    },
    { bytes: Buffer.from('HTTP/1.1 201 Yes\r\nContent-Length: 0\r\n\r\n'), after: 'keep' },
  ])
  const property = fc.asyncProperty(
    fc.constantFrom(...Object.keys(operations)),
    fc.array(answer, { minLength: 1, maxLength: 5 }),
    async (name, answers) => {
      const script: RawAnswer[] = []
      await using server = await startRawServer(script)
      script.push(...answers.map((each) => encode(each, server.host, other.host)))
      await using client = openTestClient({ login: async () => ({ username: 'ada', password }), limits })
      const work = operations[name]?.(client.open(server.host)).then(
        () => undefined,
        (error: unknown) => error,
      )
      const error = await Promise.race([work, sleep(20_000, 'hangs', { ref: false })])
      expect(error, 'it ends').not.toBe('hangs')
      if (error !== undefined) {
        expect(error, String((error as Error).stack)).toBeInstanceOf(Failure)
        const { message } = error as Failure
        expect(message).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u)
        expect(message.length).toBeLessThan(2_500)
      }
      for (const secret of secrets) {
        expect(other.received).not.toContain(secret)
        expect(String(error)).not.toContain(secret)
        expect(client.retries.join('\n')).not.toContain(secret)
      }
      expect(other.received).not.toMatch(/^authorization:/im)
      for (const line of client.retries) expect(line).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u)
    },
  )
  // Side by side, since most of the time is spent in waiting for what does not come.
  const seeds = Array.from({ length: 10 }, (_, seed) => seed)
  await Promise.all(seeds.map((seed) => fc.assert(property, { numRuns: runs / seeds.length, seed })))
  expect(Object.getOwnPropertyNames(Object.prototype)).not.toContain('mediaType')
})
