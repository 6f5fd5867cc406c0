// What is wrong for the real lifecycle is wrong for extend-image: on the same input, with the same words and code.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are Dockerfile variables
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lacks, type RunningRegistry, startRegistry } from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { CommandEnd } from '../command.ts'
import { pushBase } from './base-images.ts'
import { type BuildScene, createScene } from './build-scene.ts'
import type { BaseImages } from './lifecycle-extender.ts'
import { extendWithPolyarch } from './polyarch-extender.ts'

// Each builds for real, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000 })

const extension = 'cnb/extensions/acme_greeting/0.0.1/output'
const generated = 'generated/acme_greeting'

const dockerfile = (...lines: string[]): string => ['ARG base_image', 'FROM ${base_image}', ...lines, ''].join('\n')

interface BadInput {
  readonly what: string
  /** What the extension generates. */
  readonly files?: Readonly<Record<string, string>>
  /** What happens to the files between the phases. */
  readonly damage?: (scene: BuildScene) => Promise<void>
  /** The phase of the lifecycle that looks at it; the extender where not said. */
  readonly phase?: 'detector' | 'exporter'
  readonly code: number
  readonly message: string
}

/** Warnings and errors, with the directory of the layers by its name in a container. */
const complaintsOf = ({ log }: CommandEnd, layers: string): string[] =>
  log
    .split('\n')
    .filter((line) => /^(?:warning|error): /i.test(line))
    .map((line) => line.replace(/^\w+/, (word) => word.toLowerCase()).replaceAll(layers, '/layers'))

const cases: readonly BadInput[] = [
  {
    what: 'analyzed.toml is missing',
    damage: ({ layers }) => rm(join(layers, 'analyzed.toml')),
    code: 102,
    message: "failed to get digest for reference ''",
  },
  {
    what: 'the run image has a tag instead of a digest',
    damage: async ({ layers }) => {
      const file = join(layers, 'analyzed.toml')
      await writeFile(file, (await readFile(file, 'utf8')).replace(/run@sha256:[0-9a-f]+/, 'run:latest'))
    },
    code: 102,
    message: "a digest must contain exactly one '@' separator",
  },
  {
    what: 'an extension ends as root',
    files: { 'run.Dockerfile': dockerfile('USER root') },
    code: 102,
    message: 'the final user ID is 0 (root); please add another extension that resets the user to non-root',
  },
  {
    what: 'a Dockerfile has two stages',
    files: { 'run.Dockerfile': dockerfile('FROM ${base_image}', 'RUN true') },
    phase: 'detector',
    code: 92,
    message: 'run.Dockerfile is not permitted to use multistage build',
  },
  {
    what: 'an argument has a reserved name',
    files: { 'extend-config.toml': '[[run.args]]\nname = "build_id"\nvalue = "1"\n' },
    phase: 'detector',
    code: 92,
    message: 'validating extend config: invalid content: arg with name "build_id" is not allowed',
  },
  {
    what: 'there are two extended run images',
    damage: async ({ layers }) => {
      for (const name of ['one', 'other'])
        await cp(join(import.meta.dirname, 'fixture/app'), join(layers, 'extended/run', name), { recursive: true })
    },
    phase: 'exporter',
    code: 1,
    message: 'to have only 1 item; found 2',
  },
]

describe.skipIf(
  lacks('root', 'lifecycle', 'kaniko-1.25.15', 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'),
)('where', () => {
  let registry: RunningRegistry
  let bases: BaseImages
  let restored: BuildScene
  beforeAll(async () => {
    registry = await startRegistry()
    bases = { buildImage: await pushBase(registry, 'build'), runImage: await pushBase(registry, 'run') }
    restored = await createScene({ ...bases, platformApi: '0.15' })
    await restored.prepare(`${registry.host}/app:1`)
  })
  afterAll(async () => {
    await restored?.[Symbol.asyncDispose]()
    await registry?.stop()
  })

  const askLifecycle = async ({ files = {}, damage, phase }: BadInput): Promise<CommandEnd> => {
    const named = Object.fromEntries(Object.entries(files).map(([name, text]) => [`${extension}/${name}`, text]))
    await using scene = await createScene({ ...bases, platformApi: '0.15', files: named })
    const { buildImage, runImage } = bases
    if (phase === 'detector') {
      await scene.succeed('analyzer', buildImage, '-run', '/cnb/run.toml', `${registry.host}/app:1`)
      return await scene.run('detector', buildImage)
    }
    await scene.prepare(`${registry.host}/app:1`)
    await damage?.(scene)
    if (phase === 'exporter') return await scene.run('exporter', buildImage, `${registry.host}/app:1`)
    return await scene.run('extender', runImage, '-kind', 'run')
  }

  test.each(cases)('$what', async (input) => {
    const theirs = await askLifecycle(input)
    expect(theirs).toMatchObject({ code: input.code, log: expect.stringContaining(input.message) })

    await using scene = await restored.fork()
    for (const [name, text] of Object.entries(input.files ?? {}))
      await writeFile(join(scene.layers, generated, name), text)
    await input.damage?.(scene)
    const before = await readdir(scene.layers, { recursive: true })
    const ours = await extendWithPolyarch(scene, 'kaniko', '--kind', 'run')

    expect(ours).toMatchObject({ code: input.code, log: expect.stringContaining(input.message) })
    // What an extender finds is told alike from the first warning on; another phase's words come with the place.
    if (input.phase === undefined) expect(complaintsOf(ours, scene.layers)).toEqual(complaintsOf(theirs, '/layers'))
    expect(await readdir(scene.layers, { recursive: true })).toEqual(before)
  })
})
