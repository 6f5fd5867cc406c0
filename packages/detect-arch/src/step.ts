// detect-arch as a step, and what else others use of it.
import { defineStep } from '@polyarch/ci-host'
import { Inputs } from './inputs.ts'
import { Outputs } from './outputs.ts'
import { reportPlan } from './report.ts'
import { run } from './run.ts'

export { PolyarchConfig } from './config-schema.ts'

export const step = defineStep({
  name: 'detect-arch',
  title: 'Polyarch: detect architectures',
  description: 'Plans which images, platforms, runners and tags there will be, before anything is built.',
  inputs: Inputs,
  outputs: Outputs,
  run,
  report: reportPlan,
})
