// What is under way beside an upload that fails: it ends with it, and the first failure is the one that is told.
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { openHost, parseInputs } from '@polyarch/ci-host'
import { openLayout } from '@polyarch/layout'
import { hexOf } from '@polyarch/oci'
import {
  type AnswerFor,
  type FrontAnswer,
  lacks,
  pushSampleImage,
  type RunningRegistry,
  type SampleImage,
  sampleImage,
  startFront,
  startRegistry,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@polyarch/parts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { step } from './step.ts'

describe.skipIf(lacks('docker-registry'))('push-digest, where one of several uploads fails', () => {
  let registry: RunningRegistry
  let directory: TemporaryDirectory
  let image: SampleImage
  let logged: string[]

  beforeAll(async () => {
    registry = await startRegistry()
  })
  afterAll(() => registry.stop())
  beforeEach(async () => {
    directory = await temporaryDirectory()
    logged = []
    const sizes = [200_000, 200_000, 200_000, 1000]
    image = sampleImage(
      { os: 'linux', architecture: 'amd64' },
      sizes.map((size) => randomBytes(size)),
    )
    await pushSampleImage(openLayout(join(directory.path, 'layout')), image)
  })
  afterEach(() => directory[Symbol.asyncDispose]())

  const push = (...repositories: readonly string[]) => {
    const keep = (message: string) => void logged.push(message)
    const log = {
      debug: keep,
      info: keep,
      warning: keep,
      error: keep,
      group: (_: string, work: () => unknown) => work(),
    }
    const inputs = parseInputs(step, { layout: 'layout', repository: repositories.join('\n'), platform: 'linux/amd64' })
    return step.run(inputs, Object.assign(Object.create(openHost({}, directory.path)), { log }))
  }

  /** Longer than the first pauses before another attempt. */
  const aWhile = () => delay(1500)

  test('names the corrupt layer at once, however long others would be tried', async () => {
    const corrupt = image.layers.at(-1)!.descriptor
    await writeFile(join(directory.path, 'layout/blobs/sha256', hexOf(corrupt.digest)), randomBytes(corrupt.size))
    const isLarge: AnswerFor = ({ method, headers }) =>
      method === 'PUT' && Number(headers['content-length']) > 100_000 ? { status: 503 } : undefined
    await using front = await startFront(registry.host, isLarge)
    await expect(push(`${front.host}/failure/corrupt`)).rejects.toMatchObject({
      code: 'DIGEST_INVALID',
      kind: 'verification',
      message: expect.stringContaining(`${corrupt.digest} is corrupt`),
    })
    const requests = front.requests.length
    await aWhile()
    expect(front.requests).toHaveLength(requests)
  })

  test('leaves the other repositories alone once one of them is refused', async () => {
    const denied: FrontAnswer = { status: 403, body: '{"errors":[{"code":"DENIED","message":"not yours"}]}' }
    const paused = Promise.withResolvers<FrontAnswer>()
    await using front = await startFront(registry.host, ({ method, path }) => {
      if (method === 'GET' || method === 'HEAD') return undefined
      if (path.startsWith('/v2/failure/denied/')) return paused.promise
      if (!path.startsWith('/v2/failure/slow/')) return undefined
      setTimeout(() => paused.resolve(denied), 200)
      return { status: 503, headers: { 'retry-after': '1' } }
    })
    const repositories = ['first', 'denied', 'slow'].map((name) => `${front.host}/failure/${name}`)
    await expect(push(...repositories)).rejects.toMatchObject({
      kind: 'denied',
      message: expect.stringContaining('not yours'),
    })
    expect(logged.some((line) => line.includes('/failure/slow: ') && line.includes('attempt 2 follows in 1'))).toBe(
      true,
    )
    const [requests, lines] = [front.requests.length, logged.length]
    await aWhile()
    expect(front.requests).toHaveLength(requests)
    expect(logged).toHaveLength(lines)
  })
})
