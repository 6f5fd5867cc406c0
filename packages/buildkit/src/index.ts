// @polyarch/buildkit: builds a request with BuildKit.
export { buildWithBuildkit } from './build.ts'
export { type BuildkitSettings, buildkitInputs } from './inputs.ts'
