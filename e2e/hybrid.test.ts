// One Dockerfile that kaniko builds only in part: `engine: auto` gives each target the engine that builds it right.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  lacks,
  partPath,
  type RunningRegistry,
  repositoryRoot,
  startRegistry,
  temporaryDirectory,
} from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CommandEnd, runCommand, runOrThrow } from './command.ts'
import { platformsOf, tagsOf } from './image-judge.ts'
import { pushBaseImage, skopeoAccess } from './sample-project.ts'

/** The shape of kaniko's own: stages that are plain, and a final one that mounts another one's files. */
const dockerfile = (registry: string): string => `ARG TARGETARCH
FROM ${registry}/base:1 AS builder
WORKDIR /src
RUN mkdir -p out && uname -m > out/executor

FROM ${registry}/base:1 AS certs
RUN mkdir -p /etc/ssl && echo certificates > /etc/ssl/ca.crt

FROM scratch AS base-slim
COPY --from=certs /etc/ssl/ca.crt /tool/ssl/
ENV SSL_CERT_DIR=/tool/ssl

FROM base-slim AS base-amd64
COPY init-amd64 /tool/init

FROM base-slim AS base-arm64
COPY init-arm64 /tool/init

FROM base-\${TARGETARCH} AS base

FROM base AS executor
COPY --from=builder /src/out/executor /tool/executor

FROM ${registry}/base:1 AS with-shell
COPY --from=builder /src/out/executor /tool/executor
RUN --mount=from=base,source=/tool,target=/mnt/tool cp /mnt/tool/init /tool/init

FROM executor AS debug
COPY --from=builder /src/out/executor /tool/debug
`

/** The line of the RUN that kaniko cannot build. */
const mountLine =
  dockerfile('')
    .split('\n')
    .findIndex((line) => line.includes('--mount=from')) + 1

const config = (repository: string): string => `version: 1
defaults: { registry: ${repository}, platforms: [linux/amd64, linux/arm64], tags: ["1"] }
images:
  executor: { context: ., target: executor }
  debug: { context: ., target: debug }
  with-shell: { context: ., target: with-shell }
`

interface Plan {
  readonly legs: readonly { readonly id: string; readonly engine: string }[]
}

describe.skipIf(
  lacks(
    'root',
    'kaniko-1.25.15',
    'buildah',
    'binfmt-arm64',
    'docker-registry',
    'skopeo',
    'busybox-amd64',
    'busybox-arm64',
  ),
)('a Dockerfile that kaniko builds only in part', () => {
  let registry: RunningRegistry

  beforeAll(async () => {
    registry = await startRegistry()
    await pushBaseImage(registry)
  })
  afterAll(() => registry.stop())

  const createProject = async (repository: string) => {
    const directory = await temporaryDirectory('polyarch-hybrid')
    const files = {
      'polyarch.yaml': config(`${registry.host}/${repository}`),
      Dockerfile: dockerfile(registry.host),
      'init-amd64': 'init of amd64\n',
      'init-arm64': 'init of arm64\n',
    }
    for (const [name, content] of Object.entries(files)) await writeFile(join(directory.path, name), content)
    return directory
  }

  const polyarch = (directory: string, ...args: string[]): Promise<CommandEnd> =>
    runCommand([process.execPath, join(repositoryRoot, 'packages/cli/dist/polyarch.js'), ...args], { directory })

  const run = (directory: string, ...args: string[]): Promise<CommandEnd> =>
    polyarch(directory, 'run', '--emulate=allow', '--executor', partPath('kaniko-1.25.15'), '--launcher=jail', ...args)

  test('is refused by kaniko alone, with the line, and no tag appears', async () => {
    await using project = await createProject('alone')
    const { code, log } = await run(project.path, '--engine', 'kaniko', '--images', 'with-shell')
    expect(code, log).toBe(3)
    expect(log).toContain(`Dockerfile:${mountLine}: RUN --mount=from (--mount=from=base): with kaniko 1.25.15`)
    expect(log).toContain('engine buildah or buildkit [mount-from]')
    expect(await tagsOf(registry, 'alone/with-shell')).toEqual([])
  })

  test('is built whole by auto: each target with the engine that can, all merged by one run', async () => {
    await using project = await createProject('whole')
    const { code, log } = await run(project.path)
    expect(code, log).toBe(0)
    const { legs } = JSON.parse(await readFile(join(project.path, '.polyarch/plan.json'), 'utf8')) as Plan
    expect(Object.fromEntries(legs.map(({ id, engine }) => [id, engine]))).toEqual({
      'executor.linux-amd64': 'kaniko',
      'executor.linux-arm64': 'kaniko',
      'debug.linux-amd64': 'kaniko',
      'debug.linux-arm64': 'kaniko',
      'with-shell.linux-amd64': 'buildah',
      'with-shell.linux-arm64': 'buildah',
    })
    expect(log).toContain(`since kaniko does not build Dockerfile:${mountLine} (RUN --mount=from) right`)
    for (const image of ['executor', 'debug', 'with-shell'])
      expect(await platformsOf(registry, `whole/${image}:1`)).toEqual(['linux/amd64', 'linux/arm64'])
    expect(await fileOf(`whole/with-shell:1`, 'arm64', 'tool/init')).toBe('init of arm64\n')
    expect(await fileOf(`whole/with-shell:1`, 'amd64', 'tool/init')).toBe('init of amd64\n')
    expect(await fileOf(`whole/executor:1`, 'arm64', 'tool/executor')).toBe('aarch64\n')
    expect(await fileOf(`whole/debug:1`, 'amd64', 'tool/debug')).toBe('x86_64\n')
  })

  /** A file of the image that a machine of this kind would pull. */
  const fileOf = async (name: string, architecture: string, path: string): Promise<string> => {
    await using unpacked = await temporaryDirectory('polyarch-unpacked')
    const source = `docker://${registry.host}/${name}`
    const override = ['--override-os', 'linux', '--override-arch', architecture]
    const directory = unpacked.path
    await runOrThrow(
      ['skopeo', ...override, 'copy', '--quiet', ...skopeoAccess(registry, 'src-'), source, `dir:image`],
      {
        directory,
      },
    )
    const { layers } = JSON.parse(await readFile(join(directory, 'image/manifest.json'), 'utf8')) as {
      readonly layers: readonly { readonly digest: string }[]
    }
    await mkdir(join(directory, 'root'))
    for (const { digest } of layers)
      await runOrThrow(['tar', '-xf', `image/${digest.replace('sha256:', '')}`, '-C', 'root'], { directory })
    return await readFile(join(directory, 'root', path), 'utf8')
  }
})
