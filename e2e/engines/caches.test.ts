// One cache repository for every platform: what was built is taken from it, and never by another platform.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { engineNames } from '@polyarch/dockerfile'
import { type BaseRegistry, lacks, readImage, startBaseRegistry, temporaryDirectory } from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildWith } from './engine-build.ts'

const user = process.getuid?.() === 0 ? 'root' : 'user-namespaces'

const machines = { amd64: 'x86_64', arm64: 'aarch64' } as const

describe.skipIf(
  lacks(
    user,
    'binfmt-arm64',
    'kaniko-1.25.15',
    'buildah',
    'buildkit',
    'docker-registry',
    'skopeo',
    'busybox-amd64',
    'busybox-arm64',
  ),
)('a cache repository', () => {
  let registry: BaseRegistry

  beforeAll(async () => {
    registry = await startBaseRegistry()
  })
  afterAll(() => registry.stop())

  test.each(engineNames)('of %s is shared by two platforms, and each finds its own layers', async (engine) => {
    await using workspace = await temporaryDirectory()
    // Two stages, whose keys do not differ by what is in the context.
    const dockerfile = `FROM ${registry.base} AS tool
RUN uname -m > /machine && head -c 16 /dev/urandom | md5sum > /random
FROM ${registry.base}
COPY --from=tool /machine /random /
RUN uname -m > /own
`
    await writeFile(join(workspace.path, 'Dockerfile'), dockerfile)
    const build = async (architecture: keyof typeof machines) => {
      const raw = {
        layout: architecture,
        platform: `linux/${architecture}`,
        'cache-repo': `${registry.host}/cache/${engine}`,
      }
      const outputs = await buildWith(engine, raw, workspace.path)
      const { files, config } = await readImage(outputs)
      expect(config.architecture).toBe(architecture)
      for (const path of ['machine', 'own']) expect(files[path]?.text).toBe(`${machines[architecture]}\n`)
      return { hits: outputs['cache-hits'], random: files['random']?.text }
    }
    const first = { amd64: await build('amd64'), arm64: await build('arm64') }
    const second = { amd64: await build('amd64'), arm64: await build('arm64') }
    expect([first.amd64.hits, first.arm64.hits]).toEqual([0, 0])
    expect(first.amd64.random).not.toBe(first.arm64.random)
    for (const architecture of ['amd64', 'arm64'] as const) {
      // The two RUNs; a COPY of another stage too, but not with kaniko, and not always seen with BuildKit.
      expect(second[architecture].hits).toBeGreaterThanOrEqual(2)
      expect(second[architecture].random).toBe(first[architecture].random)
    }
  })

  test.each(engineNames)('of %s knows how long what is in it took', async (engine) => {
    await using workspace = await temporaryDirectory()
    // The last RUN is not in the cache of the second build, and the layer below it has to be pulled from there.
    const write = (last: string) =>
      writeFile(
        join(workspace.path, 'Dockerfile'),
        `FROM ${registry.base}\nRUN sleep 1 && date > /made\nRUN echo ${last} > /last\n`,
      )
    const raw = { layout: 'out', 'cache-repo': `${registry.host}/times/${engine}` }
    await write('first')
    const first = await buildWith(engine, raw, workspace.path)
    expect(first).toMatchObject({ 'cache-hits': 0, 'seconds-saved': null, 'cache-hits-timed': 0 })
    await write('second')
    const second = await buildWith(engine, raw, workspace.path)
    expect(second).toMatchObject({ 'cache-hits': 1, 'cache-hits-timed': 1 })
    expect(second['seconds-saved']).toBeGreaterThanOrEqual(1)
  })

  test('of kaniko keeps no COPY of another stage', async () => {
    await using workspace = await temporaryDirectory()
    await writeFile(
      join(workspace.path, 'Dockerfile'),
      `FROM ${registry.base} AS tool\nRUN date > /made\nFROM ${registry.base}\nCOPY --from=tool /made /\n`,
    )
    const raw = { layout: 'out', 'cache-repo': `${registry.host}/cache/copies` }
    await buildWith('kaniko', raw, workspace.path)
    expect(await buildWith('kaniko', raw, workspace.path)).toMatchObject({ 'cache-hits': 1 })
    await expect(buildWith('kaniko', { ...raw, 'engine-args': '--cache-copy-layers' }, workspace.path)).rejects.toThrow(
      /--cache-copy-layers is not yours to set/,
    )
  })
})
