// How many connections the client opens: a new one costs a round trip more, with TLS two.
import { isStoreError } from '@polyarch/oci'
import { lacks, sampleContent, sampleImage, startLatencyProxy, startRegistry } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { openTestClient } from './testing/samples.ts'

const image = sampleImage({ os: 'linux', architecture: 'amd64' })

describe.skipIf(lacks('docker-registry'))('requests one after the other', () => {
  test('share one connection, whatever their method and status', async () => {
    await using registry = await startRegistry()
    await using proxy = await startLatencyProxy({ target: registry.host, roundTripMs: 0 })
    await using client = openTestClient()
    const store = client.open(proxy.host)
    const absent = await store.resolveManifest('absent').catch((error: unknown) => error)
    expect(isStoreError(absent, 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN')).toBe(true)
    for (const blob of [image.config, ...image.layers]) await store.pushBlob(blob.descriptor, sampleContent(blob.bytes))
    await store.pushManifest(image.manifest, 'v1')
    for (let count = 0; count < 3; count += 1) await store.resolveManifest('v1')
    await store.getManifest('v1')
    const { connections, exchanges } = proxy.traffic()
    expect(exchanges.length).toBeGreaterThan(9)
    expect(connections).toBe(1)
  })
})
