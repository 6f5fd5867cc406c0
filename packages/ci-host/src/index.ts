// @polyarch/ci-host: the only place that knows GitHub, GitLab or a terminal.
export * from './command-line.ts'
export { exitCodeOf } from './exit-code.ts'
export { withTwoHyphens } from './flags.ts'
export * from './host.ts'
export * from './inputs.ts'
export { type OpenHost, openHost } from './open-host.ts'
export { type RunStepOptions, runOnHost, runStep } from './run-step.ts'
export * from './step.ts'
