// One plan for two platforms: each is extended by itself from what the real lifecycle left, and both are merged.
import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lacks, type RunningRegistry, startRegistry, temporaryDirectory } from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { runCommand, runOrThrow } from '../command.ts'
import { platformsOf } from '../image-judge.ts'
import { pushBase } from './base-images.ts'
import { createScene } from './build-scene.ts'
import { engineFlags, polyarch } from './polyarch-extender.ts'
import { pullImage, readLayerFile } from './pulled-image.ts'

// Each builds for real, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000 })

const architectures = ['amd64', 'arm64']

const output = 'cnb/extensions/acme_greeting/0.0.1/output'

const dockerfile = `ARG base_image
FROM \${base_image}
USER root
RUN mkdir -p /opt/greeting && uname -m > /opt/greeting/machine
USER 1000:1000
`

const config = (registry: string): string => `version: 1
defaults: { registry: ${registry}/acme, platforms: [linux/amd64, linux/arm64], tags: ["1"] }
images:
  web-run:
    context: web
    extend: { kind: run, layers: "layers/{{platform}}" }
`

describe.skipIf(
  lacks(
    'root',
    'lifecycle',
    'kaniko-1.25.15',
    'binfmt-arm64',
    'docker-registry',
    'skopeo',
    'busybox-amd64',
    'busybox-arm64',
  ),
)('a plan that extends the run image for two platforms', () => {
  let registry: RunningRegistry
  beforeAll(async () => {
    registry = await startRegistry()
  })
  afterAll(() => registry?.stop())

  /** Leaves what analyzer, detector and restorer leave for that architecture, as the job of a leg would find it. */
  const restore = async (architecture: string, directory: string): Promise<void> => {
    const machineImage = await pushBase(registry, 'build')
    const [build, run] = [
      await pullImage(machineImage, architecture),
      await pullImage(await pushBase(registry, 'run'), architecture),
    ]
    await using scene = await createScene({
      platformApi: '0.15',
      machineImage,
      buildImage: `${registry.host}/build@${build.digest}`,
      runImage: `${registry.host}/run@${run.digest}`,
      files: { [`${output}/run.Dockerfile`]: dockerfile },
    })
    await scene.prepare(`${registry.host}/acme/web:1`)
    await runOrThrow(['cp', '-a', scene.layers, directory], { directory: '/' })
  }

  test('merges both into one index, each of its own platform and base', async () => {
    await using project = await temporaryDirectory('polyarch-project')
    await mkdir(join(project.path, 'layers'))
    await cp(join(import.meta.dirname, 'fixture/app'), join(project.path, 'web'), { recursive: true })
    await writeFile(join(project.path, 'polyarch.yaml'), config(registry.host))
    for (const architecture of architectures)
      await restore(architecture, join(project.path, 'layers', `linux-${architecture}`))

    const { code, log } = await runCommand([...polyarch, 'run', '--emulate=allow', ...engineFlags('kaniko')], {
      directory: project.path,
      env: { CNB_PLATFORM_API: '0.15', HOME: project.path },
    })

    expect(code, log).toBe(0)
    expect(await platformsOf(registry, 'acme/web-run:1')).toEqual(['linux/amd64', 'linux/arm64'])
    const machines: string[] = []
    for (const architecture of architectures) {
      const { config, layers } = await pullImage(`${registry.host}/acme/web-run:1`, architecture)
      expect(config).toMatchObject({ architecture, config: { User: '1000:1000' } })
      machines.push(await readLayerFile(layers.at(-1)!, '/opt/greeting/machine'))
    }
    expect(machines).toEqual(['x86_64\n', 'aarch64\n'])
  })
})
