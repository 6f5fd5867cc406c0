// What buildah-build hands to its engine: whose legs it builds, and the inputs that are not about the image.

import { type BuildahSettings, buildahInputs } from '@polyarch/buildah'
import { pickInputs } from '@polyarch/ci-host'
import { engineInputs } from '@polyarch/engine'
import type { Inputs } from './inputs.ts'

/** As plans name it. */
export const engine = 'buildah'

export const planEngine = (inputs: Inputs): BuildahSettings => pickInputs(inputs, { ...engineInputs, ...buildahInputs })
