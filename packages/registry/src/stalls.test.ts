// Connections on which nothing passes any more: noticed, left, and what they carried is sent again.
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { lacks, sampleBlob, sampleContent, startFaultProxy, startRegistry } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { openTestClient, readAll } from './testing/samples.ts'

describe.skipIf(lacks('docker-registry'))('where a third of the connections stall', () => {
  test('blobs still arrive whole, up and down', async () => {
    await using registry = await startRegistry()
    await using proxy = await startFaultProxy({ target: registry.host, seed: 7, stalls: 0.35, within: 100_000 })
    await using client = openTestClient({ limits: { answerTimeout: 1_000, stallTimeout: 1_000 } })
    const store = client.open(proxy.host)
    const blobs = Array.from({ length: 12 }, () => sampleBlob(randomBytes(200_000)))
    await Promise.all(blobs.map(({ descriptor, bytes }) => store.pushBlob(descriptor, sampleContent(bytes))))
    const read = await Promise.all(blobs.map(({ descriptor }) => readAll(store.getBlob(descriptor))))
    expect(read.every((bytes, position) => bytes.equals(blobs[position]?.bytes ?? Buffer.alloc(0)))).toBe(true)
    expect(proxy.faults().stalled).toBeGreaterThan(0)
    expect(client.retries.length).toBeGreaterThan(0)
  })
})

test('a small answer of which a byte comes now and then is given up', async () => {
  const server = createServer((_, answer) => {
    answer.writeHead(200, { 'content-length': '1000000' })
    const drip = setInterval(() => answer.write(' '), 50)
    answer.on('close', () => clearInterval(drip))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    await using client = openTestClient({ limits: { attempts: 1, answerTimeout: 300, stallTimeout: 60_000 } })
    const store = client.open(`127.0.0.1:${(server.address() as AddressInfo).port}`)
    await expect(store.getManifest('v1')).rejects.toThrow('its answer did not end in time')
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
