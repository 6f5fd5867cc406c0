// Several extensions of one run image: what the lifecycle's own extender leaves for the exporter, every engine leaves.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are Dockerfile variables
import { lacks, type RunningRegistry, startRegistry } from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { pushBase } from './base-images.ts'
import { createScene } from './build-scene.ts'
import { historyOf, listChanges } from './exported-app.ts'
import { type ExtendedImage, readExtended } from './extended-image.ts'
import { engines, extendWithPolyarch } from './polyarch-extender.ts'
import { pullImage } from './pulled-image.ts'

// Each builds for real, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000 })

const extensions = 'cnb/extensions'

const dockerfile = (...lines: string[]): string => ['ARG base_image', 'FROM ${base_image}', ...lines, ''].join('\n')

interface Extensions {
  readonly what: string
  readonly greeting: string
  readonly compiler: string
}

const cases: readonly Extensions[] = [
  {
    what: 'that build on each other, with the user that the one before left',
    greeting: dockerfile(
      'ARG user_id',
      'ARG group_id',
      'USER root',
      'RUN echo "$user_id:$group_id" > /opt/first && rm /etc/motd',
      // No layer has the application and the layers, every one has /run and /tmp.
      'RUN echo app > /workspace/built && echo layers > /layers/kept && mkdir -p /run/kept && echo kept > /tmp/kept',
      'LABEL io.buildpacks.rebasable=true',
      'USER 1002:1003',
    ),
    compiler: dockerfile(
      'ARG user_id',
      'ARG group_id',
      'USER root',
      'RUN echo "$user_id:$group_id" > /opt/second && cat /workspace/built > /etc/motd && rm /opt/first',
      'ENV SECOND=true',
      'USER ${user_id}:${group_id}',
    ),
  },
  {
    what: 'with each instruction that is recommended',
    greeting: dockerfile(
      'USER root',
      'SHELL ["/bin/sh", "-ec"]',
      'ENV GREETING=hello',
      'ADD from /opt/added/',
      'COPY --chown=7:8 from /opt/copied/from',
      'WORKDIR /srv/app',
      'COPY from below/',
      'RUN echo "$GREETING from $(pwd)" > said',
      'LABEL greeting=hello',
      'USER 1000:1000',
    ),
    // Whose group is the user's own: kaniko, here and in the lifecycle, runs with no other one.
    compiler: dockerfile(
      'WORKDIR below',
      'RUN id -u > /tmp/ids && id -g >> /tmp/ids && touch /srv/app/below/x || true',
    ),
  },
  {
    what: 'that change settings alone',
    greeting: dockerfile('LABEL io.buildpacks.rebasable=true'),
    compiler: dockerfile('RUN true', 'ENV SECOND=true', 'LABEL io.buildpacks.rebasable=1'),
  },
]

describe.skipIf(
  lacks(
    'root',
    'lifecycle',
    'kaniko-1.25.15',
    'buildah',
    'buildkit',
    'docker-registry',
    'skopeo',
    'busybox-amd64',
    'busybox-arm64',
  ),
)('extensions', () => {
  let registry: RunningRegistry
  beforeAll(async () => {
    registry = await startRegistry()
  })
  afterAll(() => registry?.stop())

  const describeExtended = async (image: ExtendedImage) => ({
    settings: image.config.config,
    changes: (await listChanges(image)).filter((_, position) => position >= 2),
    history: historyOf(image),
    blobs: image.blobs,
  })

  test.each(cases)('$what', async ({ greeting, compiler }) => {
    const bases = { buildImage: await pushBase(registry, 'build'), runImage: await pushBase(registry, 'run') }
    await using restored = await createScene({
      ...bases,
      platformApi: '0.15',
      files: {
        [`${extensions}/acme_greeting/0.0.1/output/run.Dockerfile`]: greeting,
        [`${extensions}/acme_compiler/0.0.1/output/run.Dockerfile`]: compiler,
      },
    })
    await restored.prepare(`${registry.host}/app:1`)
    const base = await pullImage(bases.runImage)
    await using reference = await restored.fork()
    await reference.succeed('extender', bases.runImage, '-kind', 'run')
    const theirs = await describeExtended(await readExtended(reference, base))

    const ours: Record<string, unknown> = {}
    for (const engine of engines) {
      await using scene = await restored.fork()
      const { code, log } = await extendWithPolyarch(scene, engine, '--kind', 'run')
      expect(code, log).toBe(0)
      ours[engine] = await describeExtended(await readExtended(scene, base))
    }
    expect(ours).toEqual(Object.fromEntries(engines.map((engine) => [engine, theirs])))
  })
})
