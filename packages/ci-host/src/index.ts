// @polyarch/ci-host: the only place that knows GitHub, GitLab or a terminal.
export * from './command-line.ts'
export { withTwoHyphens } from './flags.ts'
export * from './host.ts'
export * from './inputs.ts'
export { type OpenHost, openHost } from './open-host.ts'
export { type RunStepOptions, runStep } from './run-step.ts'
export * from './step.ts'
