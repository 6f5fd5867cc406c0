// report: one table over everything that a run merged.
import { defineStep } from '@polyarch/ci-host'
import { Inputs } from './inputs.ts'
import { Outputs } from './outputs.ts'
import { report } from './report.ts'
import { run } from './run.ts'

export { describeResults } from './table.ts'

export const step = defineStep({
  name: 'report',
  title: 'Polyarch: report',
  description: 'Shows what a run built: one table over all merge results, with tags and how to pull by digest.',
  inputs: Inputs,
  outputs: Outputs,
  run,
  report,
})
