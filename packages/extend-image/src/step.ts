// extend-image as a step.
import { defineStep } from '@polyarch/ci-host'
import { Inputs } from './inputs.ts'
import { Outputs } from './outputs.ts'
import { report } from './report.ts'
import { run } from './run.ts'

export const step = defineStep({
  name: 'extend-image',
  title: 'Polyarch: extend an image for buildpacks',
  description:
    'Applies the Dockerfiles of Cloud Native Buildpacks image extensions to a build or run image with kaniko, buildah or BuildKit, in the place of the lifecycle’s own extender. Reads what its restorer and generator leave, and leaves what its exporter takes.',
  inputs: Inputs,
  outputs: Outputs,
  run,
  report,
})
