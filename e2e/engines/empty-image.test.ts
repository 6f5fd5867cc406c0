// An image that is nothing but its config: FROM scratch without a single layer.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { engineNames } from '@polyarch/dockerfile'
import { lacks, temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { buildWith } from './engine-build.ts'

const user = process.getuid?.() === 0 ? 'root' : 'user-namespaces'

describe.skipIf(lacks(user, 'kaniko-1.25.15', 'buildah', 'buildkit'))('an image without layers', () => {
  test.each(engineNames)('is built by %s, with lists that are lists', async (engine) => {
    await using workspace = await temporaryDirectory()
    await writeFile(join(workspace.path, 'Dockerfile'), 'FROM scratch\nLABEL a=b\n')
    const build = async (raw: Readonly<Record<string, string>>) => {
      const { layout, digest } = await buildWith(engine, { layout: 'out', ...raw }, workspace.path)
      const read = async (name: string) =>
        JSON.parse(await readFile(join(layout, 'blobs', ...name.split(':')), 'utf8')) as Record<string, never>
      const manifest = await read(digest)
      return { manifest, config: await read(manifest['config']!['digest']) }
    }
    for (const raw of [{}, { 'media-type': 'oci' }, { platform: 'linux/arm/v7' }]) {
      const { manifest, config } = await build(raw)
      expect(manifest).toMatchObject({ layers: [] })
      expect(config).toMatchObject({ rootfs: { type: 'layers', diff_ids: [] }, config: { Labels: { a: 'b' } } })
    }
  })
})
