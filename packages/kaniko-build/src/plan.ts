// What kaniko-build hands to its engine: whose legs it builds, and the inputs that are not about the image.
import { pickInputs } from '@polyarch/ci-host'
import { engineInputs } from '@polyarch/engine'
import { type KanikoSettings, kanikoInputs } from '@polyarch/kaniko'
import type { Inputs } from './inputs.ts'

/** As plans name it. */
export const engine = 'kaniko'

export const planEngine = (inputs: Inputs): KanikoSettings => pickInputs(inputs, { ...engineInputs, ...kanikoInputs })
