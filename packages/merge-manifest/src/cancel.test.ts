// A merge that is cancelled: nothing is written from then on, also not by what waits for another attempt.
import { once } from 'node:events'
import { join } from 'node:path'
import {
  type Front,
  lacks,
  type RunningRegistry,
  repositoryRoot,
  startFront,
  startRegistry,
  startStep,
} from '@polyarch/parts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type MergeScene, openMergeScene } from './testing/merge-scene.ts'

const main = join(repositoryRoot, 'packages/merge-manifest/src/main.ts')

describe.skipIf(lacks('docker-registry'))('merge-manifest, cancelled', () => {
  let registry: RunningRegistry
  let scene: MergeScene

  beforeAll(async () => {
    registry = await startRegistry()
  })
  afterAll(() => registry.stop())
  beforeEach(async () => {
    scene = await openMergeScene(registry)
    await scene.pushBoth()
  })
  afterEach(() => scene[Symbol.asyncDispose]())

  const isWrite = ({ method }: { readonly method: string }): boolean => method !== 'GET' && method !== 'HEAD'

  test.each([
    { signal: 'SIGINT', code: 130, waiting: 'a tag', isBusy: (path: string) => path.endsWith('/manifests/1.2.3') },
    {
      signal: 'SIGTERM',
      code: 143,
      waiting: 'the index',
      isBusy: (path: string) => path.includes('/manifests/sha256:'),
    },
  ] as const)('by $signal while $waiting waits for another attempt', async ({ signal, code, isBusy }) => {
    const { digest } = await scene.merge({ ...scene.inputs(), tags: 'latest', annotations: 'made=before' })
    const refused = Promise.withResolvers<void>()
    await using front: Front = await startFront(registry.host, (request) => {
      if (!isWrite(request) || !isBusy(request.path)) return undefined
      refused.resolve()
      // Once only: whoever asks again would be let in.
      return front.requests.filter((earlier) => isWrite(earlier) && isBusy(earlier.path)).length === 1
        ? { status: 503, headers: { 'retry-after': '2' } }
        : undefined
    })
    const repository = scene.repository.replace(registry.host, front.host)
    const flags = Object.entries({ ...scene.inputs(), repository }).flatMap(([name, value]) => [
      `--${name}`,
      `${value}`,
    ])
    await scene.writeRecords(...(await scene.pushBoth()).map((record) => ({ ...record, repository })))
    const { process: child, ended } = startStep(main, scene.directory, flags)
    await refused.promise
    // The step says that it waits: from then on it sleeps.
    while (!String(await once(child.stderr!, 'data')).includes('attempt 2 follows'));
    const writes = front.requests.filter(isWrite).length
    child.kill(signal)
    expect(await ended).toMatchObject({ code, stderr: expect.stringContaining(`cancelled by ${signal}`) })
    expect(front.requests.filter(isWrite)).toHaveLength(writes)
    expect(await scene.tagsOf()).toEqual({ latest: digest })
  })
})
