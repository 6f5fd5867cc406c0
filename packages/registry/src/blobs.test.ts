// Whether a repository has a blob, at registries whose answer to HEAD does not say how large it is.
import { sampleBlob } from '@polyarch/parts'
import { expect, test } from 'vitest'
import { startRawServer } from './testing/raw-server.ts'
import { openTestClient } from './testing/samples.ts'

const { bytes, descriptor } = sampleBlob('a blob of 23 bytes, say')
const chunked = 'Transfer-Encoding: chunked\r\n\r\n'
const text = Buffer.from(bytes).toString()

test.each([
  ['a range', `206 Partial Content\r\nContent-Range: bytes 0-0/${bytes.length}\r\nContent-Length: 1\r\n\r\na`, 23],
  ['the length of all', `200 OK\r\nContent-Length: ${bytes.length}\r\n\r\n${text}`, 23],
  ['all bytes', `200 OK\r\n${chunked}${bytes.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`, 23],
  ['no range in nothing', '416 Range Not Satisfiable\r\nContent-Range: bytes */0\r\nContent-Length: 0\r\n\r\n', 0],
  ['that it is gone', '404 Not Found\r\nContent-Length: 0\r\n\r\n', undefined],
])('a blob of unknown size is measured: by %s', async (_, answer, size) => {
  await using server = await startRawServer([
    { bytes: Buffer.from(`HTTP/1.1 200 OK\r\n${chunked}`), after: 'keep' },
    { bytes: Buffer.from(`HTTP/1.1 ${answer}`), after: 'keep' },
  ])
  await using client = openTestClient()
  expect(await client.open(server.host).resolveBlob(descriptor.digest)).toBe(size)
  expect(server.received.match(/^(?:HEAD|GET) /gm)).toEqual(['HEAD ', 'GET '])
})
