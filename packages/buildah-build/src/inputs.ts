// The inputs of buildah-build.
import { buildahInputs } from '@polyarch/buildah'
import { buildInputs } from '@polyarch/engine'
import { storeInputs } from '@polyarch/stores'
import { z } from 'zod'

export const Inputs = z.object({ ...buildInputs, ...buildahInputs, ...storeInputs })
export type Inputs = z.output<typeof Inputs>
