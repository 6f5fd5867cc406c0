// buildkit-build as a step.
import { defineStep } from '@polyarch/ci-host'
import { Inputs } from './inputs.ts'
import { Outputs } from './outputs.ts'
import { report } from './report.ts'
import { run } from './run.ts'

export const step = defineStep({
  name: 'buildkit-build',
  title: 'Polyarch: build with BuildKit',
  description:
    'Builds one platform of one image with BuildKit into an OCI image layout, and checks that the layout is what was asked for. Starts a buildkitd of its own, as root or not, or uses one that is there; needs no credentials to push.',
  inputs: Inputs,
  outputs: Outputs,
  run,
  report,
})
