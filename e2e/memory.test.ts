// The memory of the bundled push-digest: the same for every size of image.
import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readFile, rename, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { openLayout } from '@polyarch/layout'
import { type Descriptor, type Digest, mediaTypes } from '@polyarch/oci'
import {
  lacks,
  partPath,
  type RunningRegistry,
  repositoryRoot,
  sampleBlob,
  sampleContent,
  sampleManifest,
  startRegistry,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runOrThrow } from './command.ts'

const megabyte = 1_000_000

/**
 * Megabytes of the largest layer. `npm run test:memory` pushes one of 4 GB, and the benchmark's row memory-large does so
 * beside other programs; so much every time would be too slow.
 */
const largest = Number(process.env['POLYARCH_LAYER_MEGABYTES'] || 1_000)

/** Writes a layer of so many bytes that takes hardly any room on disk, as a blob of the layout. */
const writeLayer = async (layout: string, size: number): Promise<Descriptor> => {
  const folder = join(layout, 'blobs/sha256')
  await mkdir(folder, { recursive: true })
  const draft = join(folder, 'draft')
  {
    await using file = await open(draft, 'w')
    await file.write(randomBytes(1_000))
  }
  await truncate(draft, size)
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(draft, { highWaterMark: megabyte })) hash.update(chunk as Buffer)
  const digest: Digest = `sha256:${hash.digest('hex')}`
  await rename(draft, join(folder, digest.slice('sha256:'.length)))
  return { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest, size }
}

describe.skipIf(lacks('docker-registry', 'time'))('push-digest', { timeout: 300_000 }, () => {
  let registry: RunningRegistry
  let directory: TemporaryDirectory

  beforeAll(async () => {
    registry = await startRegistry()
    directory = await temporaryDirectory('polyarch-memory')
  })
  afterAll(async () => {
    await registry.stop()
    await directory[Symbol.asyncDispose]()
  })

  /** Pushes an image with layers of these sizes, and gives the most memory that the process ever held, in bytes. */
  const peakOf = async (name: string, sizes: readonly number[]): Promise<number> => {
    const layout = join(directory.path, name)
    const layers: Descriptor[] = []
    for (const size of sizes) layers.push(await writeLayer(layout, size))
    const rootfs = { type: 'layers', diff_ids: layers.map(({ digest }) => digest) }
    const config = sampleBlob(JSON.stringify({ os: 'linux', architecture: 'amd64', rootfs }), mediaTypes.ociConfig)
    const store = openLayout(layout)
    await store.pushBlob(config.descriptor, sampleContent(config.bytes))
    const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: config.descriptor, layers }
    await store.pushManifest(sampleManifest(manifest), 'latest')

    const peak = join(directory.path, `${name}.peak`)
    const program = [
      join(repositoryRoot, 'node_modules/node/bin/node'),
      join(repositoryRoot, 'packages/cli/dist/polyarch.js'),
    ]
    const push = ['push-digest', '--layout', name, '--repository', `${registry.host}/memory/${name}`]
    await runOrThrow([partPath('time'), '-f', '%M', '-o', peak, ...program, ...push, '--platform', 'linux/amd64'], {
      directory: directory.path,
    })
    return Number((await readFile(peak, 'utf8')).trim()) * 1024
  }

  test(`stays below 150 MB for one layer of ${largest / 1_000} GB, and needs no more than for 100 MB`, async () => {
    const small = await peakOf('small', [100 * megabyte])
    const large = await peakOf('large', [largest * megabyte])
    expect(large).toBeLessThan(150 * megabyte)
    expect(large - small).toBeLessThan(30 * megabyte)
  })

  test('stays below 150 MB for ten layers of 100 MB side by side', async () => {
    const sizes = Array.from({ length: 10 }, () => 100 * megabyte)
    expect(await peakOf('many', sizes)).toBeLessThan(150 * megabyte)
  })
})
