// The verdict table of kaniko, held against one executor: one test file each, so that they run side by side.
import { type Feature, features, type KanikoLineage } from '@polyarch/dockerfile'
import { step } from '@polyarch/kaniko-build'
import { type Part, partPath } from '@polyarch/parts'
import { afterAll, beforeAll, test } from 'vitest'
import { openScene, type Scene } from './scene.ts'
import { checkVerdict } from './verdict-check.ts'

/** Declares the tests of the executor; it is judged as that version of that lineage. */
export const testVerdicts = (part: Part, version: string, lineage: KanikoLineage): void => {
  let scene: Scene

  beforeAll(async () => {
    scene = await openScene()
  })
  afterAll(() => scene[Symbol.asyncDispose]())

  test.each(Object.keys(features).sort() as Feature[])('%s holds', (feature) =>
    checkVerdict(
      {
        version: { engine: 'kaniko', version, lineage },
        step,
        inputs: { executor: partPath(part), launcher: 'jail' },
      },
      feature,
      scene,
    ),
  )
}
