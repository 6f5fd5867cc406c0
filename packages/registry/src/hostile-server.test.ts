// Whatever a server answers, each operation ends: with what was asked for, or with one sentence.
import { Failure } from '@polyarch/oci'
import { sampleBlob, sampleContent, sampleImage } from '@polyarch/parts'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type FakeOutcome, startFakeServer } from './testing/fake-server.ts'
import { openTestClient, readAll } from './testing/samples.ts'

const image = sampleImage({ os: 'linux', architecture: 'amd64' })
const { bytes, descriptor } = sampleBlob('a blob')

const headerText = fc.string({ unit: fc.constantFrom(...Array.from('abc:/?=&;,"<>-0123456789 %\t')), maxLength: 60 })
const headers = fc.dictionary(
  fc.constantFrom(
    'location',
    'www-authenticate',
    'link',
    'range',
    'content-range',
    'retry-after',
    'docker-content-digest',
    'content-type',
    'oci-subject',
  ),
  fc.oneof(
    headerText,
    fc.constantFrom(
      '/v2/acme/web/blobs/uploads/1',
      'http://127.0.0.1:1/x',
      'Bearer realm="http://127.0.0.1:1/token"',
      'Basic realm="x"',
      '</v2/acme/web/tags/list?n=1>; rel="next"',
      '0-3',
      'bytes 0-1/6',
      descriptor.digest,
      'application/vnd.oci.image.index.v1+json',
    ),
  ),
  { maxKeys: 4 },
)
const body = fc.oneof(
  fc.string({ maxLength: 50 }),
  fc.json(),
  fc.constantFrom('{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}', '{"tags":["a"]}', '{"token":"t"}', 'a blob'),
)
const outcome: fc.Arbitrary<FakeOutcome> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      status: fc.constantFrom(200, 201, 202, 204, 206, 302, 307, 400, 401, 403, 404, 416, 429, 500, 503),
      headers,
      body,
    }),
  },
  { weight: 1, arbitrary: fc.constant<FakeOutcome>('reset') },
)

test('each operation ends, and only with what it was asked for or a known failure', { timeout: 120_000 }, async () => {
  let answers: readonly FakeOutcome[] = []
  let asked = 0
  await using server = await startFakeServer(() => {
    const answer = answers[asked % answers.length] ?? { status: 500 }
    asked += 1
    // An answer without a body may not claim to have one.
    return typeof answer === 'object' && 'status' in answer && answer.status === 204 ? { ...answer, body: '' } : answer
  })
  const mountFrom = [{ host: server.host, name: 'acme/base' }]
  await fc.assert(
    fc.asyncProperty(fc.array(outcome, { minLength: 1, maxLength: 5 }), async (script) => {
      answers = script
      await using test = openTestClient({
        login: async () => ({ username: 'ada', password: 'open sesame' }),
        limits: { attempts: 3 },
      })
      const store = test.open(server.host)
      const operations: (() => Promise<unknown>)[] = [
        () => store.resolveManifest('v1'),
        () => store.getManifest(image.manifest.descriptor.digest),
        () => store.resolveBlob(descriptor.digest),
        async () => expect(String(await readAll(store.getBlob(descriptor)))).toBe('a blob'),
        () => store.listTags(),
        () => store.listReferrers(descriptor.digest),
        () => store.pushBlob(descriptor, sampleContent(bytes)),
        () => store.pushBlob(descriptor, sampleContent(bytes), { mountFrom }),
        () => store.pushManifest(image.manifest, 'v1'),
        () => store.deleteManifest('v1'),
      ]
      for (const operation of operations) {
        asked = 0
        try {
          await operation()
        } catch (error) {
          if (!(error instanceof Failure)) throw error
          expect(error.message).not.toMatch(/[\r\n]|sesame/)
        }
        expect(asked).toBeLessThan(1500)
      }
    }),
    { numRuns: 60 },
  )
})
