// Rebasing what was exported over an extended run image: only where that leaves the application what it runs on.
import { lacks, type RunningRegistry, startRegistry } from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { pushBase } from './base-images.ts'
import { createScene } from './build-scene.ts'
import { startApp } from './exported-app.ts'
import { buildWithPolyarch } from './polyarch-extender.ts'
import { pullImage } from './pulled-image.ts'

// Each builds for real, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000 })

const output = 'cnb/extensions/acme_greeting/0.0.1/output'

/** An extension that does not say whether what it did goes with another base. */
const silent = `ARG base_image
FROM \${base_image}
USER root
RUN mkdir -p /opt/greeting && echo welcome > /opt/greeting/word && echo nobody > /opt/greeting/from
USER 1000:1000
`

describe.skipIf(
  lacks('root', 'lifecycle', 'kaniko-1.25.15', 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'),
)('an application over a run image that extend-image extended', () => {
  let registry: RunningRegistry
  beforeAll(async () => {
    registry = await startRegistry()
  })
  afterAll(() => registry?.stop())

  /** Builds the application, gives the run image a new version, and asks the real rebaser to put it below. */
  const buildAndRebase = async (
    name: string,
    files: Readonly<Record<string, string>>,
    runOutput: 'extended' | 'image',
  ) => {
    const buildImage = await pushBase(registry, 'build')
    const runImage = await pushBase(registry, 'run', { name: `${name}/run` })
    const appImage = `${registry.host}/${name}/app:1`
    await using scene = await createScene({ buildImage, runImage, platformApi: '0.15', files })
    await scene.prepare(appImage)
    const built = await buildWithPolyarch(scene, 'kaniko', appImage, runOutput)
    const next = await pullImage(await pushBase(registry, 'run', { name: `${name}/run`, version: '2' }))
    const end = await scene.run('rebaser', buildImage, appImage)
    return { built, next, end, rebased: await pullImage(appImage) }
  }

  test('is rebased on its next version, where every extension is marked as rebasable', async () => {
    const { built, next, end, rebased } = await buildAndRebase('marked', {}, 'extended')
    expect(end.code, end.log).toBe(0)
    const layersOf = built.config.rootfs.diff_ids
    expect(next.config.rootfs.diff_ids).not.toEqual(layersOf.slice(0, 2))
    expect(rebased.config.rootfs.diff_ids).toEqual([...next.config.rootfs.diff_ids, ...layersOf.slice(2)])
    expect(await startApp(rebased)).toEqual(await startApp(built))
  })

  test.each([
    {
      where: 'one is not',
      name: 'silent',
      files: { [`${output}/run.Dockerfile`]: silent },
      runOutput: 'extended' as const,
    },
    {
      where: 'the extended image is its base, which a plain one would replace',
      name: 'pushed',
      files: {},
      runOutput: 'image' as const,
    },
  ])('is not rebased, where $where', async ({ name, files, runOutput }) => {
    const { built, end, rebased } = await buildAndRebase(name, files, runOutput)
    const refusal = 'app image is not marked as rebasable; please provide -force to override'
    expect(end).toMatchObject({ code: 72, log: expect.stringContaining(refusal) })
    expect(rebased.digest).toBe(built.digest)
  })
})
