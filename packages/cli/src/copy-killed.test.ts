// Copies that are killed at some point and run again: what is tagged is whole at any time, and at the end it is all there.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { blobsOf, findManifest, flattenManifest, type Store } from '@polyarch/oci'
import { lacks, pushSampleImage, type RunningRegistry, sampleImage, sampleIndex, startRegistry } from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CopyScene, openCopyScene } from './testing/copy-scene.ts'

/** `npm run test:faults` sets it to 200. */
const runs = Number(process.env['POLYARCH_FAULT_RUNS'] || 2)

const older = sampleImage({ os: 'linux', architecture: 'amd64' }, ['older'])
const images = ['amd64', 'arm64', 's390x'].map((architecture) =>
  sampleImage(
    { os: 'linux', architecture },
    Array.from({ length: 20 }, () => randomBytes(200_000)),
  ),
)
const index = sampleIndex(images)

/** Reads every byte of what is tagged; gives the digest, or undefined where there is no such tag. */
const readWhole = async (store: Store, tag: string): Promise<string | undefined> => {
  const found = await findManifest(store, tag)
  if (found === undefined) return undefined
  for (const image of (await flattenManifest(store, found)).images)
    for (const blob of blobsOf(await store.getManifest(image.digest))) for await (const _ of store.getBlob(blob));
  return found.digest
}

describe.skipIf(lacks('docker-registry'))('a copy that is killed', () => {
  let registry: RunningRegistry
  let scene: CopyScene
  /** How long a copy takes that is not killed, in milliseconds. */
  let duration: number
  let killed = 0

  const run = async (source: string, destination: string, killAfter?: number): Promise<number | null> => {
    const main = join(import.meta.dirname, 'main.ts')
    const args = ['--conditions=@polyarch/source', main, 'copy', source, destination]
    const child = spawn(process.execPath, args, {
      cwd: scene.directory,
      env: { PATH: process.env['PATH'], HOME: scene.directory },
      stdio: 'ignore',
    })
    const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfter)
    const [code] = (await once(child, 'exit')) as [number | null]
    clearTimeout(timer)
    return code
  }

  beforeAll(async () => {
    registry = await startRegistry()
    scene = await openCopyScene()
    for (const source of ['oci:source', `${registry.host}/source`]) {
      const store = scene.open(source)
      for (const image of images) await pushSampleImage(store, image)
      await store.pushManifest(index, 'v1')
      await pushSampleImage(store, older, 'older')
    }
    const start = performance.now()
    expect(await run(`${registry.host}/source:v1`, 'oci:first:v1')).toBe(0)
    duration = performance.now() - start
  })
  afterAll(async () => {
    await scene[Symbol.asyncDispose]()
    await registry.stop()
    // Where nothing was killed nothing was shown.
    expect(killed).toBeGreaterThan(0)
  })

  const kinds = ['a layout', 'a repository']
  const each = Array.from({ length: runs }, (_, number) => ({ number, kind: kinds[number % kinds.length] ?? '' }))
  test.each(each)('is never half there: run $number, to $kind', async ({ number, kind }) => {
    const isLayout = kind === 'a layout'
    const source = isLayout ? `${registry.host}/source` : 'oci:source'
    const destination = isLayout ? `oci:killed-${number}` : `${registry.host}/killed-${number}`
    await scene.copy(`${source}:older`, `${destination}:older`)
    const store = scene.open(destination)
    for (let time = 0; time < 2; time += 1) {
      // The first half of the time is Node's own start.
      const code = await run(`${source}:v1`, `${destination}:v1`, duration * (0.4 + Math.random() * 0.5))
      if (code === null) killed += 1
      expect([undefined, index.descriptor.digest]).toContain(await readWhole(store, 'v1'))
    }
    expect(await run(`${source}:v1`, `${destination}:v1`)).toBe(0)
    expect(await readWhole(store, 'v1')).toBe(index.descriptor.digest)
    expect(await readWhole(store, 'older')).toBe(older.manifest.descriptor.digest)
    expect((await store.listTags()).toSorted()).toEqual(['older', 'v1'])
  })
})
