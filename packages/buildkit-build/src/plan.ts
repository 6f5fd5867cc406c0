// What buildkit-build hands to its engine: whose legs it builds, and the inputs that are not about the image.

import { type BuildkitSettings, buildkitInputs } from '@polyarch/buildkit'
import { pickInputs } from '@polyarch/ci-host'
import { engineInputs } from '@polyarch/engine'
import type { Inputs } from './inputs.ts'

/** As plans name it. */
export const engine = 'buildkit'

export const planEngine = (inputs: Inputs): BuildkitSettings =>
  pickInputs(inputs, { ...engineInputs, ...buildkitInputs })
