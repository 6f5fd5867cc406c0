// Pushes a file to HOST and pulls it again, in a process of its own, and says by how many bytes the process grew.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Digest } from '@polyarch/oci'
import { openRegistry } from '../index.ts'

const [, , path = '', host = ''] = process.argv
const read = (start = 0): AsyncIterable<Buffer> => createReadStream(path, { start, highWaterMark: 256 * 1024 })

const hash = createHash('sha256')
for await (const chunk of read()) hash.update(chunk)
const digest: Digest = `sha256:${hash.digest('hex')}`
const { size } = await stat(path)
const descriptor = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size }

let highest = 0
const before = process.memoryUsage.rss()
const timer = setInterval(() => {
  highest = Math.max(highest, process.memoryUsage.rss())
}, 10)
const client = openRegistry()
const store = client.repository({ host, name: 'large/layer' })
await store.pushBlob(descriptor, { origin: path, open: read })
let pulled = 0
for await (const chunk of store.getBlob(descriptor)) pulled += chunk.length
clearInterval(timer)
await client.close()
process.stdout.write(JSON.stringify({ growth: highest - before, highest, pulled }))
