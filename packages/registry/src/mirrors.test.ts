// Mirrors in front of a registry that may be out of reach: what is looked up, listed and read comes from them.
import { type Descriptor, isStoreError } from '@polyarch/oci'
import { pushSampleImage, sampleBlob, sampleContent, sampleImage } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { createFakeRegistry } from './testing/fake-registry.ts'
import { type FakeScript, startFakeServer } from './testing/fake-server.ts'
import { startRawServer } from './testing/raw-server.ts'
import { errorOf, openTestClient, readAll } from './testing/samples.ts'

const image = sampleImage({ os: 'linux', architecture: 'amd64' })
const { mediaType, digest, size } = image.manifest.descriptor
const signature = sampleImage({ os: 'unknown', architecture: 'unknown' }, ['signature'], {
  subject: { mediaType, digest, size },
})
const digestsOf = (found: readonly Descriptor[]) => found.map((descriptor) => descriptor.digest)

/** Nobody listens there. */
const unreachable = '127.0.0.1:9'

const startMirror = async (options: Parameters<typeof createFakeRegistry>[0] = {}) => {
  const server = await startFakeServer(createFakeRegistry(options))
  await using filling = openTestClient()
  await pushSampleImage(filling.open(server.host), image, 'v1')
  return server
}

describe('behind a firewall', () => {
  test('everything is read from the mirror, and the origin is not asked', async () => {
    await using mirror = await startMirror()
    await using client = openTestClient()
    await pushSampleImage(client.open(mirror.host), signature)
    await using test = openTestClient({ mirrors: { [unreachable]: [mirror.host] } })
    const store = test.open(unreachable)
    expect((await store.resolveManifest('v1')).digest).toBe(digest)
    expect((await store.getManifest('v1')).descriptor.digest).toBe(digest)
    expect(await store.resolveBlob(image.config.descriptor.digest)).toBe(image.config.bytes.length)
    expect(await readAll(store.getBlob(image.config.descriptor))).toHaveLength(image.config.bytes.length)
    expect(await store.listTags()).toEqual(['v1'])
    expect(digestsOf(await store.listReferrers(digest))).toEqual([signature.manifest.descriptor.digest])
    expect(test.retries).toEqual([])
  })

  test('what the mirror has nothing of is not there, and the log says why once', async () => {
    await using mirror = await startMirror({ quirks: ['no referrers API'] })
    await using test = openTestClient({ mirrors: { [unreachable]: [mirror.host] } })
    const store = test.open(unreachable)
    expect(await Promise.all(Array.from({ length: 5 }, () => store.listReferrers(digest)))).toEqual([
      [],
      [],
      [],
      [],
      [],
    ])
    expect(await errorOf(store.resolveManifest('v2'))).toSatisfy((error) => isStoreError(error, 'MANIFEST_UNKNOWN'))
    expect(await store.resolveBlob(signature.config.descriptor.digest)).toBeUndefined()
    expect(test.retries.filter((line) => line.includes('going by what the mirrors'))).toHaveLength(1)
    expect(test.retries.at(-1)).toContain(`${unreachable}: it refuses connections`)
  })

  test('an image that the mirror lacks is out of reach, not unknown', async () => {
    await using mirror = await startMirror()
    await using test = openTestClient({ mirrors: { [unreachable]: [mirror.host] } })
    expect(await errorOf(test.open(unreachable).getManifest('v2'))).toMatchObject({ code: 'UNREACHABLE' })
  })
})

describe('in front of an origin', () => {
  test('mirrors that lack something, or fail, leave the word to it', async () => {
    await using mirror = await startMirror({ quirks: ['no referrers API'] })
    await using broken = await startFakeServer(() => ({ status: 403 }))
    await using origin = await startFakeServer(createFakeRegistry())
    await using filling = openTestClient()
    const behind = filling.open(origin.host)
    await pushSampleImage(behind, signature)
    await pushSampleImage(behind, image, 'v2')
    await using test = openTestClient({ mirrors: { [origin.host]: [broken.host, mirror.host] } })
    const store = test.open(origin.host)
    expect((await store.resolveManifest('v2')).digest).toBe(digest)
    expect(digestsOf(await store.listReferrers(digest))).toEqual([signature.manifest.descriptor.digest])
    expect(await store.resolveBlob(signature.config.descriptor.digest)).toBe(signature.config.bytes.length)
    expect(test.retries.every((line) => line.includes(`${broken.host}/`))).toBe(true)
  })

  test('mirrors are not asked whether something is already pushed, nor written to', async () => {
    await using mirror = await startMirror()
    await using origin = await startFakeServer(createFakeRegistry())
    await using test = openTestClient({ mirrors: { [origin.host]: [mirror.host] } })
    const store = test.open(origin.host, 'acme/web', 'write')
    const before = mirror.requests.length
    expect(await store.resolveBlob(image.config.descriptor.digest)).toBeUndefined()
    expect(await errorOf(store.resolveManifest('v1'))).toMatchObject({ code: 'MANIFEST_UNKNOWN' })
    expect(await errorOf(store.getManifest('v1'))).toMatchObject({ code: 'MANIFEST_UNKNOWN' })
    expect(await store.listTags()).toEqual([])
    const { bytes, descriptor } = sampleBlob('pushed')
    await store.pushBlob(descriptor, sampleContent(bytes))
    expect(await store.listReferrers(digest)).toEqual([])
    expect(mirror.requests).toHaveLength(before)
  })
})

describe('a mirror that answers with something else', () => {
  const page = '<html>Please log in</html>'
  const { bytes, descriptor } = sampleBlob('x'.repeat(5000))
  const serveManifest: FakeScript = () => ({
    status: 200,
    headers: { 'content-type': mediaType },
    body: image.manifest.bytes,
  })
  const serveBlob: FakeScript = ({ headers }) => {
    const start = Number(/\d+/.exec(headers.range ?? '0')?.[0])
    return {
      status: start === 0 ? 200 : 206,
      headers: start === 0 ? {} : { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` },
      body: bytes.subarray(start),
    }
  }

  test.each([
    ['a login page', { 'content-type': 'text/html' }, page],
    ['JSON that is no manifest', { 'content-type': mediaType }, '{"a":1}'],
    ['half a manifest', { 'content-type': mediaType }, image.manifest.bytes.subarray(0, 100)],
    ['a manifest without layers', { 'content-type': mediaType }, JSON.stringify({ schemaVersion: 2, mediaType })],
  ])('instead of a manifest, %s, is passed over and named', async (_, headers, body) => {
    await using mirror = await startFakeServer(() => ({ status: 200, headers, body }))
    await using origin = await startFakeServer(serveManifest)
    await using test = openTestClient({ mirrors: { [origin.host]: [mirror.host] } })
    expect((await test.open(origin.host).getManifest('v1')).descriptor.digest).toBe(digest)
    expect(test.retries).toEqual([expect.stringContaining(`MANIFEST_INVALID: ${mirror.host}/acme/web@`)])
  })

  test('instead of a blob is passed over and named before a byte of it is taken', async () => {
    await using mirror = await startFakeServer(() => ({ status: 200, body: page }))
    await using origin = await startFakeServer(serveBlob)
    await using test = openTestClient({ mirrors: { [origin.host]: [mirror.host] } })
    expect((await readAll(test.open(origin.host).getBlob(descriptor))).equals(bytes)).toBe(true)
    expect(test.retries).toEqual([expect.stringContaining(`SIZE_INVALID: ${mirror.host}/acme/web@`)])
  })

  test('of which bytes were taken already is named beside the origin that gave the rest', async () => {
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
    await using mirror = await startRawServer([
      { bytes: Buffer.from(`${head}${page.length.toString(16)}\r\n${page}\r\n0\r\n\r\n`), after: 'end' },
    ])
    await using origin = await startFakeServer(serveBlob)
    await using test = openTestClient({ mirrors: { [origin.host]: [mirror.host] } })
    const error = await errorOf(readAll(test.open(origin.host).getBlob(descriptor)))
    expect(error).toMatchObject({ code: 'DIGEST_INVALID' })
    expect(error.message).toContain(`${mirror.host}/acme/web and ${origin.host}/acme/web@${descriptor.digest}`)
  })

  test('after the last byte of a blob does not spoil it', async () => {
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
    await using mirror = await startRawServer([
      {
        bytes: Buffer.from(`${head}${bytes.length.toString(16)}\r\n${Buffer.from(bytes).toString()}\r\n`),
        after: 'reset',
      },
    ])
    await using test = openTestClient({ mirrors: { [unreachable]: [mirror.host] } })
    expect((await readAll(test.open(unreachable).getBlob(descriptor))).equals(bytes)).toBe(true)
  })
})
