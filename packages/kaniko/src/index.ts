// @polyarch/kaniko: builds a request with kaniko.
export { buildWithKaniko } from './build.ts'
export { type KanikoSettings, kanikoInputs } from './inputs.ts'
export { findKaniko } from './version.ts'
