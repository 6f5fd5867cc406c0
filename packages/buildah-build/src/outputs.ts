// The outputs of buildah-build.
import { buildOutputs } from '@polyarch/engine'
import { z } from 'zod'

export const Outputs = z.object(buildOutputs)
export type Outputs = z.output<typeof Outputs>
