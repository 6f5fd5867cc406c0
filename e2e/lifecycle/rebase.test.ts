// Rebasing what was exported over an extended run image: only where every extension says that it may be.
import { lacks, type RunningRegistry, startRegistry } from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pushBase } from './base-images.ts'
import { createScene } from './build-scene.ts'
import { readLabels, startApp } from './exported-app.ts'
import { buildWithLifecycle } from './lifecycle-extender.ts'
import { buildWithPolyarch } from './polyarch-extender.ts'
import { pullImage } from './pulled-image.ts'

const output = 'cnb/extensions/acme_greeting/0.0.1/output'

const silent = `ARG base_image
FROM \${base_image}
USER root
RUN mkdir -p /opt/greeting && echo welcome > /opt/greeting/word && echo nobody > /opt/greeting/from
USER 1000:1000
`

const extenders = [
  { extender: 'the lifecycle', build: buildWithLifecycle, repository: 'reference' },
  {
    extender: 'extend-image',
    build: (...[scene, , appImage]: Parameters<typeof buildWithLifecycle>) =>
      buildWithPolyarch(scene, 'kaniko', appImage),
    repository: 'app',
  },
]

describe.skipIf(
  lacks('root', 'lifecycle', 'kaniko-1.25.15', 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'),
)('an application over a run image', () => {
  let registry: RunningRegistry
  beforeAll(async () => {
    registry = await startRegistry()
  })
  afterAll(() => registry?.stop())

  describe.each(extenders)('that $extender extended', ({ build, repository }) => {
    /** Builds the application, and gives the run image a new version afterwards. */
    const buildAndRenew = async (name: string, files: Readonly<Record<string, string>>) => {
      const bases = {
        buildImage: await pushBase(registry, 'build'),
        runImage: await pushBase(registry, 'run', { name: `${repository}-${name}/run` }),
      }
      const appImage = `${registry.host}/${repository}-${name}/web:1`
      const scene = await createScene({ ...bases, platformApi: '0.15', files })
      await scene.prepare(appImage)
      const built = await build(scene, bases, appImage)
      await pushBase(registry, 'run', { name: `${repository}-${name}/run`, version: '2' })
      return { scene, bases, appImage, built }
    }

    test('is rebased on its next version, where every extension is marked as rebasable', async () => {
      const { scene, bases, appImage, built } = await buildAndRenew('marked', {})
      await using _ = scene
      expect(readLabels(built)['io.buildpacks.rebasable']).toBe('true')

      const { code, log } = await scene.run('rebaser', bases.buildImage, appImage)

      expect(code, log).toBe(0)
      const rebased = await pullImage(appImage)
      const next = await pullImage(bases.runImage)
      expect(next.config.rootfs.diff_ids).not.toEqual(built.config.rootfs.diff_ids.slice(0, 2))
      expect(rebased.config.rootfs.diff_ids).toEqual([
        ...next.config.rootfs.diff_ids,
        ...built.config.rootfs.diff_ids.slice(2),
      ])
      expect(await startApp(rebased)).toEqual(await startApp(built))
    })

    test('is not rebased, where one is not', async () => {
      const { scene, bases, appImage, built } = await buildAndRenew('silent', { [`${output}/run.Dockerfile`]: silent })
      await using _ = scene
      expect(readLabels(built)['io.buildpacks.rebasable']).toBe('false')

      const { code, log } = await scene.run('rebaser', bases.buildImage, appImage)

      expect({ code, log }).toEqual({
        code: 72,
        log: expect.stringContaining('app image is not marked as rebasable; please provide -force to override'),
      })
      expect((await pullImage(appImage)).digest).toBe(built.digest)
    })
  })
})
