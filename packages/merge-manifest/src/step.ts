// merge-manifest: digest records become one index, and the tags point at it.
import { defineStep } from '@polyarch/ci-host'
import { Inputs } from './inputs.ts'
import { Outputs } from './outputs.ts'
import { report } from './report.ts'
import { run } from './run.ts'

export const step = defineStep({
  name: 'merge-manifest',
  title: 'Polyarch: merge manifests',
  description:
    'Merges digest records into one index and moves the tags, only when the records are exactly what was planned.',
  inputs: Inputs,
  outputs: Outputs,
  run,
  report,
})
