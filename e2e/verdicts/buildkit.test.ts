// The verdict table of BuildKit, on a buildkitd that the step starts.
import { dirname } from 'node:path'
import { step } from '@polyarch/buildkit-build'
import { type Feature, features } from '@polyarch/dockerfile'
import { lacks, partPath } from '@polyarch/parts'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { openScene, type Scene } from './scene.ts'
import { checkVerdict } from './verdict-check.ts'

describe.skipIf(
  lacks('root', 'buildkit', 'binfmt-arm64', 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'),
)('the verdict on BuildKit', () => {
  let scene: Scene

  beforeAll(async () => {
    scene = await openScene()
  })
  afterAll(() => scene[Symbol.asyncDispose]())

  test.each(Object.keys(features).sort() as Feature[])('%s holds', (feature) =>
    checkVerdict(
      {
        version: { engine: 'buildkit', version: '0.33.0' },
        step,
        inputs: { builder: 'buildkitd' },
        path: dirname(partPath('buildkit')),
      },
      feature,
      scene,
    ),
  )
})
