// Copies over lines that break and from registries that lie: every byte, or a refusal and nothing tagged.
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { hexOf } from '@polyarch/oci'
import {
  lacks,
  pushSampleImage,
  type RunningRegistry,
  sampleImage,
  startFaultProxy,
  startRegistry,
} from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CopyScene, openCopyScene } from './testing/copy-scene.ts'

const large = randomBytes(6_000_000)
const image = sampleImage({ os: 'linux', architecture: 'amd64' }, [large, randomBytes(3_000_000), 'a small layer'])
const blobs = [image.config, ...image.layers]

describe.skipIf(lacks('docker-registry'))('polyarch copy', () => {
  let registry: RunningRegistry
  let scene: CopyScene

  beforeAll(async () => {
    registry = await startRegistry()
    scene = await openCopyScene()
    await pushSampleImage(scene.open(`${registry.host}/base`), image, 'v1')
  })
  afterAll(async () => {
    await scene[Symbol.asyncDispose]()
    await registry.stop()
  })

  /** The registry with a byte of the large layer changed on its way. */
  const startLiar = async () => {
    const target = image.layers.find(({ bytes }) => bytes.length === large.length)?.descriptor.digest ?? ''
    const server = createServer((incoming, outgoing) => {
      const { method, headers, url = '' } = incoming
      const passed = httpRequest(`http://${registry.host}${url}`, { method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
        let isFirst = method === 'GET' && url.endsWith(target)
        answer.on('data', (chunk: Buffer) => {
          if (isFirst) chunk[0] = (chunk[0] ?? 0) ^ 1
          isFirst = false
          outgoing.write(chunk)
        })
        answer.on('end', () => outgoing.end())
      })
      incoming.pipe(passed)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    return {
      host: `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
      [Symbol.asyncDispose]: async () => {
        server.closeAllConnections()
        await promisify(server.close.bind(server))()
      },
    }
  }

  test('goes on where a download broke, and has every byte', { timeout: 120_000 }, async () => {
    await using line = await startFaultProxy({
      target: registry.host,
      seed: 5,
      // Every connection breaks, and the large layer does not fit into what one carries before that.
      resets: 0.9,
      truncations: 0.1,
      within: 5_000_000,
    })
    await scene.copy(`${line.host}/base:v1`, 'oci:broken-line:v1')
    expect(line.faults().reset + line.faults().truncated).toBeGreaterThan(0)
    expect(scene.warnings.join('\n')).toMatch(/attempt \d+ follows in/)
    for (const { bytes, descriptor } of blobs) {
      const file = await readFile(join(scene.directory, 'broken-line/blobs/sha256', hexOf(descriptor.digest)))
      expect(createHash('sha256').update(file).digest('hex')).toBe(hexOf(descriptor.digest))
      expect(file.length).toBe(bytes.length)
    }
    const ranges = (await registry.requests()).filter((request) => request.endsWith(' 206'))
    expect(ranges.length).toBeGreaterThan(0)
  })

  test.each(['oci:lied-to', 'REGISTRY/lied-to'])('refuses a layer that is not what it says, into %s', async (store) => {
    await using liar = await startLiar()
    const destination = store.replace('REGISTRY', registry.host)
    await expect(scene.copy(`${liar.host}/base:v1`, `${destination}:v1`)).rejects.toMatchObject({
      kind: 'verification',
      message: expect.stringContaining(`${liar.host}/base`),
    })
    if (store.startsWith('oci:'))
      expect(await readFile(join(scene.directory, 'lied-to/index.json'), 'utf8').catch(() => '')).not.toContain('v1')
    else expect((await fetch(`http://${registry.host}/v2/lied-to/manifests/v1`)).status).toBe(404)
  })

  test('lets no blob travel between repositories of one registry', async () => {
    const before = (await registry.requests()).length
    expect(await scene.copy(`${registry.host}/base:v1`, `${registry.host}/elsewhere:v1`)).toMatchObject({
      'uploaded-bytes': 0,
    })
    const requests = (await registry.requests()).slice(before)
    expect(requests.filter((request) => /^GET \S+\/blobs\//.test(request))).toEqual([])
    expect(requests.filter((request) => request.includes('mount='))).toHaveLength(blobs.length)
  })
})
