// push-digest: an OCI image layout goes into a registry by digest, without a tag.
import { defineStep } from '@polyarch/ci-host'
import { Inputs } from './inputs.ts'
import { Outputs } from './outputs.ts'
import { report } from './report.ts'
import { run } from './run.ts'

export const step = defineStep({
  name: 'push-digest',
  title: 'Polyarch: push by digest',
  description:
    'Pushes the image of an OCI image layout by digest, without a tag, and writes a digest record for merge-manifest.',
  inputs: Inputs,
  outputs: Outputs,
  run,
  report,
})
