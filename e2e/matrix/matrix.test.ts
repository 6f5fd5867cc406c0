// The same projects built by every engine: one image whatever the engine, but for what docs/engines.md lists.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EngineName } from '@polyarch/dockerfile'
import { type BaseRegistry, lacks, repositoryRoot, startBaseRegistry, temporaryDirectory } from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildWith } from '../engines/engine-build.ts'
import { type BuiltImage, readBuiltImage } from '../verdicts/built-image.ts'
import { compareImages, type Divergence } from './comparison.ts'
import { type Difference, differences, formatDifferences } from './differences.ts'
import { type Project, projects } from './projects.ts'

const explains =
  (engine: EngineName, { aspect, key }: Divergence) =>
  (difference: Difference): boolean =>
    difference.engine === engine && difference.shows[aspect]?.test(key) === true

describe.skipIf(
  lacks(
    'root',
    'binfmt-arm64',
    'kaniko-1.25.15',
    'buildah',
    'buildkit',
    'docker-registry',
    'skopeo',
    'busybox-amd64',
    'busybox-arm64',
  ),
)('every engine builds the same image', () => {
  let registry: BaseRegistry
  const seen = new Set<Difference>()

  beforeAll(async () => {
    registry = await startBaseRegistry()
  })
  afterAll(() => registry.stop())

  const buildAll = async ({
    dockerfile,
    write,
    platform,
    inputs,
  }: Project): Promise<Record<EngineName, BuiltImage>> => {
    await using workspace = await temporaryDirectory()
    const context = join(workspace.path, 'context')
    await mkdir(context)
    await write(context)
    await writeFile(join(context, 'Dockerfile'), dockerfile.replaceAll('BASE', registry.base))
    const raw = { context: 'context', preflight: 'warn', ...inputs, ...(platform === undefined ? {} : { platform }) }
    const read = async (engine: EngineName): Promise<BuiltImage> => {
      const { layout, digest } = await buildWith(engine, { ...raw, layout: engine }, workspace.path)
      return await readBuiltImage(layout, digest)
    }
    return { buildkit: await read('buildkit'), buildah: await read('buildah'), kaniko: await read('kaniko') }
  }

  test.each(projects)('$name', async (project) => {
    const images = await buildAll(project)
    for (const engine of ['buildah', 'kaniko'] as const) {
      const divergences = compareImages(images[engine], images.buildkit, project.dockerfile.includes('FROM BASE'))
      const unexplained = divergences.filter((divergence) => !differences.some(explains(engine, divergence)))
      expect(unexplained, engine).toEqual([])
      for (const divergence of divergences)
        for (const difference of differences.filter(explains(engine, divergence))) seen.add(difference)
    }
  })

  test('but for differences that are really there', () => {
    expect(differences.filter((difference) => !seen.has(difference)).map(({ what }) => what)).toEqual([])
  })
})

test('docs/engines.md lists the differences that remain', async () => {
  expect(await readFile(join(repositoryRoot, 'docs/engines.md'), 'utf8')).toContain(formatDifferences())
})
