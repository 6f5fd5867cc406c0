// @polyarch/ci-host: the only place that knows GitHub, GitLab or a terminal.
export * from './host.ts'
export * from './inputs.ts'
export * from './step.ts'
