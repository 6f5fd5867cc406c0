// The real lifecycle with and without its own extender: the same application from extend-image, with every engine.
import { lacks, type RunningRegistry, startRegistry } from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pushBase } from './base-images.ts'
import { type BuildScene, createScene } from './build-scene.ts'
import { startApp } from './exported-app.ts'
import { type BaseImages, buildWithLifecycle } from './lifecycle-extender.ts'
import type { PulledImage } from './pulled-image.ts'

const contextDirectory = 'cnb/extensions/acme_greeting/0.0.1/output/context.run'

describe.skipIf(
  lacks('root', 'lifecycle', 'kaniko-1.25.15', 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'),
)('an application that the lifecycle exports', () => {
  let registry: RunningRegistry
  let bases: BaseImages
  beforeAll(async () => {
    registry = await startRegistry()
    bases = { buildImage: await pushBase(registry, 'build', '1'), runImage: await pushBase(registry, 'run', '1') }
  })
  afterAll(() => registry?.stop())

  describe.each([
    { platformApi: '0.12', from: 'from the application' },
    { platformApi: '0.15', from: 'from the extension' },
  ])('with Platform API $platformApi', ({ platformApi, from }) => {
    let restored: BuildScene
    let reference: PulledImage

    beforeAll(async () => {
      // Extensions bring a context of their own since 0.13; before, it is the application.
      const files = platformApi === '0.12' ? { [contextDirectory]: undefined } : {}
      restored = await createScene({ ...bases, platformApi, files })
      const appImage = `${registry.host}/reference:${platformApi}`
      await restored.prepare(appImage)
      await using scene = await restored.fork()
      reference = await buildWithLifecycle(scene, bases, appImage)
    })
    afterAll(() => restored?.[Symbol.asyncDispose]())

    test('starts with what both extensions did, where the lifecycle extends', async () => {
      const { code, log } = await startApp(reference)
      expect(code, log).toBe(0)
      expect(log).toBe(
        ['user 1000:1000', `greeting good morning of 1000, ${from}, cheerful`, 'compiled with cc 9 run by 1000'].join(
          '\n',
        ),
      )
    })
  })
})
