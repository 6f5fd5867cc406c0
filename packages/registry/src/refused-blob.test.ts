// Blobs that a registry refuses at the end of their upload: whose fault that is, the file's or the registry's.
import { randomBytes } from 'node:crypto'
import type { StoreError } from '@polyarch/oci'
import { sampleBlob, sampleContent } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { type FakeReply, type FakeScript, startFakeServer } from './testing/fake-server.ts'
import { first, methodsOf, script } from './testing/one-upload.ts'
import { errorOf, openTestClient } from './testing/samples.ts'

const { bytes, descriptor } = sampleBlob(randomBytes(2_000_000))

describe('a blob that the registry refuses', () => {
  const spoilt = Buffer.from(bytes)
  spoilt[1_234_567] = (spoilt[1_234_567] ?? 0) ^ 1
  const body = (code: string) => JSON.stringify({ errors: [{ code, message: 'no match' }] })
  const refuse = (reply: FakeReply): FakeScript => script(({ method }) => (method === 'PUT' ? () => reply : undefined))

  /** The content, and how often it was opened. */
  const counted = (chunk: Uint8Array) => {
    const content = sampleContent(chunk, 'out/blobs/layer')
    let opened = 0
    return {
      origin: content.origin,
      open: (start?: number) => {
        opened += 1
        return content.open(start)
      },
      opened: () => opened,
    }
  }

  test.each<[FakeReply]>([
    [{ status: 400, body: body('DIGEST_INVALID') }],
    [{ status: 400, body: body('BLOB_UPLOAD_INVALID') }],
    [{ status: 400, body: body('MANIFEST_INVALID') }],
    [{ status: 400 }],
    [{ status: 422, body: 'bad checksum' }],
  ])('with %j names the local file that is corrupt, after one look at it', async (reply) => {
    await using server = await startFakeServer(refuse(reply))
    await using test = openTestClient()
    const content = counted(spoilt)
    const error = (await errorOf(test.open(server.host).pushBlob(descriptor, content))) as StoreError
    expect([error.code, error.kind]).toEqual(['DIGEST_INVALID', 'verification'])
    expect(error.message).toContain(`out/blobs/layer is corrupt: its digest is ${sampleBlob(spoilt).descriptor.digest}`)
    expect([methodsOf(server), content.opened()]).toEqual([['POST', 'PUT'], 2])
  })

  test('in one request names the local file as well', async () => {
    const small = sampleBlob('a small one')
    await using server = await startFakeServer(
      () =>
        ({ body: sent }) =>
          sent.equals(small.bytes) ? { status: 201 } : { status: 400, body: body('BLOB_UPLOAD_INVALID') },
    )
    await using test = openTestClient()
    await test.open(server.host).pushBlob(small.descriptor, sampleContent(small.bytes))
    const error = await errorOf(test.open(server.host).pushBlob(descriptor, counted(spoilt)))
    expect(error.message).toContain('out/blobs/layer is corrupt')
    expect(methodsOf(server)).toEqual(['POST', 'POST'])
  })

  test('on from where it broke names the local file as well, and does not begin again', async () => {
    const breaks = first('PUT', { resetAfter: 1_000_000 }, { status: 400 })
    await using server = await startFakeServer(
      script((request) =>
        request.method === 'GET' ? { status: 204, headers: { range: '0-999999' } } : breaks(request),
      ),
    )
    await using test = openTestClient()
    const error = await errorOf(test.open(server.host).pushBlob(descriptor, counted(spoilt)))
    expect(error.message).toContain('out/blobs/layer is corrupt')
    expect(methodsOf(server)).toEqual(['POST', 'PUT', 'GET', 'PUT'])
  })

  test.each<[FakeReply, string, number]>([
    [{ status: 400, body: body('DIGEST_INVALID') }, 'but that is what out/blobs/layer has', 1],
    [{ status: 400, body: body('BLOB_UPLOAD_INVALID') }, 'BLOB_UPLOAD_INVALID: no match', 4],
    [{ status: 422, body: 'bad checksum' }, '422 UNKNOWN: bad checksum', 1],
  ])('with %j although the file is right is told as the registry’s doing', async (reply, message, uploaded) => {
    await using server = await startFakeServer(refuse(reply))
    await using test = openTestClient()
    const content = counted(bytes)
    const error = await errorOf(test.open(server.host).pushBlob(descriptor, content))
    expect(error.message).toContain(message)
    expect(content.opened()).toBe(uploaded + 1)
  })

  test.each([401, 403, 404, 405, 413])(
    'with %d is refused for another reason: nobody looks at the file',
    async (status) => {
      await using server = await startFakeServer(refuse({ status }))
      await using test = openTestClient()
      const content = counted(spoilt)
      const error = await errorOf(test.open(server.host).pushBlob(descriptor, content))
      expect(error.message).toContain(`: ${status} `)
      expect(content.opened()).toBe(methodsOf(server).filter((method) => method === 'PUT').length)
    },
  )
})
