// The verdict table of buildah, on the one that Debian has.
import { step } from '@polyarch/buildah-build'
import { type Feature, features } from '@polyarch/dockerfile'
import { lacks } from '@polyarch/parts'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { openScene, type Scene } from './scene.ts'
import { checkVerdict } from './verdict-check.ts'

describe.skipIf(
  lacks('root', 'buildah', 'binfmt-arm64', 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'),
)('the verdict on buildah', () => {
  let scene: Scene

  beforeAll(async () => {
    scene = await openScene()
  })
  afterAll(() => scene[Symbol.asyncDispose]())

  test.each(Object.keys(features).sort() as Feature[])('%s holds', (feature) =>
    checkVerdict({ version: { engine: 'buildah', version: '1.28.2' }, step }, feature, scene),
  )
})
