// The verdict table of kaniko, on every executor that can be had here.
import { type Feature, features, type KanikoLineage } from '@polyarch/dockerfile'
import { step } from '@polyarch/kaniko-build'
import { lacks, type Part, partPath } from '@polyarch/parts'
import { afterAll, beforeAll, describe, test } from 'vitest'
import { openScene, type Scene } from './scene.ts'
import type { TrialEngine } from './trial-run.ts'
import { checkVerdict } from './verdict-check.ts'

const kaniko = (part: Part, version: string, lineage: KanikoLineage): TrialEngine => ({
  version: { engine: 'kaniko', version, lineage },
  step,
  inputs: { executor: partPath(part), launcher: 'jail' },
})

const all = Object.keys(features).sort() as Feature[]

describe.skipIf(lacks('root', 'binfmt-arm64', 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'))(
  'the verdict on',
  () => {
    let scene: Scene

    beforeAll(async () => {
      scene = await openScene()
    })
    afterAll(() => scene[Symbol.asyncDispose]())

    describe.skipIf(lacks('kaniko-1.25.15'))('kaniko 1.25.15 of chainguard', () => {
      test.each(all)('%s holds', (feature) =>
        checkVerdict(kaniko('kaniko-1.25.15', '1.25.15', 'chainguard'), feature, scene),
      )
    })

    describe.skipIf(lacks('kaniko-1.24.0'))('kaniko 1.24.0 of upstream', () => {
      test.each(all)('%s holds', (feature) =>
        checkVerdict(kaniko('kaniko-1.24.0', '1.24.0', 'upstream'), feature, scene),
      )
    })

    describe.skipIf(lacks('kaniko-fork'))('kaniko of osscontainertools', () => {
      // What POLYARCH_KANIKO_EXECUTOR names is judged as the newest that was measured.
      test.each(all)('%s holds', (feature) => checkVerdict(kaniko('kaniko-fork', '1.28.3', 'fork'), feature, scene))
    })
  },
)
