// detect-arch as a step, and what else others use of it.
import { defineStep } from '@polyarch/ci-host'
import { Inputs } from './inputs.ts'
import { Outputs } from './outputs.ts'
import { reportPlan } from './report.ts'
import { run } from './run.ts'

export { BuildConfig } from './build-config-schema.ts'
export { defaultConfig } from './config-files.ts'
export { PolyarchConfig } from './config-schema.ts'
export { writeFirstConfig } from './first-config.ts'
export { migrateConfigs, type WrittenConfig } from './migration.ts'

export const step = defineStep({
  name: 'detect-arch',
  title: 'Polyarch: detect architectures',
  description: 'Plans which images, platforms, runners and tags there will be, before anything is built.',
  inputs: Inputs,
  outputs: Outputs,
  run,
  // What was handed on was told before: its outputs only name it.
  report: ({ plan, ...others }) => (typeof plan === 'string' ? undefined : reportPlan({ ...others, plan })),
})
