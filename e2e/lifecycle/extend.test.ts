// The real lifecycle with and without its own extender: the same application from extend-image, with every engine.
import { lacks, type RunningRegistry, startRegistry } from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { pushBase } from './base-images.ts'
import { type BuildScene, createScene } from './build-scene.ts'
import {
  historyOf,
  lifecycleMetadata,
  listChanges,
  metadataLabel,
  readLabels,
  rebasableLabel,
  startApp,
} from './exported-app.ts'
import { type BaseImages, buildWithLifecycle } from './lifecycle-extender.ts'
import { buildWithPolyarch, type Engine, engines } from './polyarch-extender.ts'
import type { PulledImage } from './pulled-image.ts'

// Each builds for real, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000 })

const output = 'cnb/extensions/acme_greeting/0.0.1/output'

const settingsOf = ({ config: { architecture, os, config } }: PulledImage) => ({
  architecture,
  os,
  ...config,
  Labels: {},
})

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
)('an application that the lifecycle exports', () => {
  let registry: RunningRegistry
  let bases: BaseImages
  beforeAll(async () => {
    registry = await startRegistry()
    bases = { buildImage: await pushBase(registry, 'build'), runImage: await pushBase(registry, 'run') }
  })
  afterAll(() => registry?.stop())

  describe.each([
    { platformApi: '0.12', from: 'from the application', extenders: ['kaniko'] as const },
    { platformApi: '0.15', from: 'from the extension', extenders: engines },
  ])('with Platform API $platformApi', ({ platformApi, from, extenders }) => {
    let restored: BuildScene
    let reference: PulledImage

    /** What the application says when it is started. */
    const greeting = [
      'user 1000:1000',
      `greeting good morning of 1000, ${from}, cheerful`,
      'compiled with cc 9 run by 1000',
    ].join('\n')

    beforeAll(async () => {
      // Extensions bring a context of their own since 0.13; before, it is the application.
      const files = platformApi === '0.12' ? { [`${output}/context.run`]: undefined } : {}
      restored = await createScene({ ...bases, platformApi, files })
      const appImage = `${registry.host}/reference:${platformApi}`
      await restored.prepare(appImage)
      await using scene = await restored.fork()
      reference = await buildWithLifecycle(scene, bases, appImage)
    })
    afterAll(() => restored?.[Symbol.asyncDispose]())

    const build = async (engine: Engine, runOutput: 'extended' | 'image' = 'extended'): Promise<PulledImage> => {
      await using scene = await restored.fork()
      return await buildWithPolyarch(scene, engine, `${registry.host}/${runOutput}:${engine}-${platformApi}`, runOutput)
    }

    test('starts with what both extensions did, where the lifecycle extends', async () => {
      const { code, log } = await startApp(reference)
      expect(code, log).toBe(0)
      expect(log).toBe(greeting)
    })

    describe.each(extenders)('where %s extends', (engine) => {
      let app: PulledImage
      beforeAll(async () => {
        app = await build(engine)
      })

      test('starts just so', async () => {
        const { code, log } = await startApp(app)
        expect(code, log).toBe(0)
        expect(log).toBe(greeting)
      })

      test('has the same files in the same layers, with modes, owners and links', async () => {
        expect(await listChanges(app)).toEqual(await listChanges(reference))
      })

      test('has the same labels and settings', () => {
        expect(readLabels(app)).toEqual(readLabels(reference))
        expect(settingsOf(app)).toEqual(settingsOf(reference))
      })

      test('has the same history', () => {
        expect(historyOf(app)).toEqual(historyOf(reference))
      })
    })

    test('is the same over a run image that is pushed, but for what concerns its base', async () => {
      const app = await build('kaniko', 'image')

      expect((await startApp(app)).log).toBe(greeting)
      expect(await listChanges(app)).toEqual(await listChanges(reference))
      expect(settingsOf(app)).toEqual(settingsOf(reference))
      // What was extended is a base like any other now: the whole of it is what a rebase exchanges.
      const { runImage } = lifecycleMetadata(app)
      expect(runImage.topLayer).toBe(app.config.rootfs.diff_ids[3])
      expect(runImage.reference).toMatch(new RegExp(`^${registry.host}/extended-run@sha256:[0-9a-f]{64}$`))
      // That would leave the application without the extensions: it is not to be rebased, whatever they say.
      expect(readLabels(app)[rebasableLabel]).toBe('false')
      const ofReference = {
        [metadataLabel]: { ...lifecycleMetadata(app), runImage: lifecycleMetadata(reference).runImage },
        [rebasableLabel]: 'true',
      }
      expect({ ...readLabels(app), ...ofReference }).toEqual(readLabels(reference))
    })
  })
})
