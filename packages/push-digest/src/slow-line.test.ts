// Pushes large layers over a line that is slower than the disk: what is sent must not change while it waits.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { openHost, parseInputs } from '@polyarch/ci-host'
import { openLayout } from '@polyarch/layout'
import {
  lacks,
  pushSampleImage,
  sampleImage,
  startFaultProxy,
  startRegistry,
  temporaryDirectory,
} from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { step } from './step.ts'

const silent = () => {}

describe.skipIf(lacks('docker-registry'))('push-digest over a slow line', () => {
  test('delivers every byte of layers that wait for the line in the middle of a write', async () => {
    await using directory = await temporaryDirectory()
    await using registry = await startRegistry()
    await using proxy = await startFaultProxy({ target: registry.host, seed: 1, bytesPerSecond: 40_000_000 })
    const layers = [40_000_000, 5_000_001, 700_000, 65_536].map((size) => randomBytes(size))
    const image = sampleImage({ os: 'linux', architecture: 'amd64' }, layers)
    await pushSampleImage(openLayout(join(directory.path, 'layout')), image, 'latest')
    const inputs = parseInputs(step, {
      layout: 'layout',
      repository: `${proxy.host}/slow/image`,
      platform: 'linux/amd64',
    })
    const log = {
      debug: silent,
      info: silent,
      warning: silent,
      error: silent,
      group: (_: string, work: () => unknown) => work(),
    }
    const host = Object.assign(Object.create(openHost({}, directory.path)), { log })
    // A registry takes a blob only with its digest: bytes that had changed on the way would be refused.
    const outputs = await step.run(inputs, host)
    expect(outputs.digest).toBe(image.manifest.descriptor.digest)
    const uploads = (await registry.requests()).filter((request) => request.startsWith('PUT /v2/slow/image/blobs/'))
    expect(uploads).toHaveLength(layers.length + 1)
    expect(uploads.every((request) => request.endsWith(' 201'))).toBe(true)
  })
})
