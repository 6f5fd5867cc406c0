// @polyarch/buildah: builds a request with buildah.
export { buildWithBuildah } from './build.ts'
export { type BuildahSettings, buildahInputs } from './inputs.ts'
