// buildah-build as a step.
import { defineStep } from '@polyarch/ci-host'
import { Inputs } from './inputs.ts'
import { Outputs } from './outputs.ts'
import { report } from './report.ts'
import { run } from './run.ts'

export const step = defineStep({
  name: 'buildah-build',
  title: 'Polyarch: build with buildah',
  description:
    'Builds one platform of one image with buildah into an OCI image layout, and checks that the layout is what was asked for. Needs no daemon, no root and no credentials to push.',
  inputs: Inputs,
  outputs: Outputs,
  run,
  report,
})
