// The inputs of kaniko-build.

import { buildInputs } from '@polyarch/engine'
import { kanikoInputs } from '@polyarch/kaniko'
import { storeInputs } from '@polyarch/stores'
import { z } from 'zod'

export const Inputs = z.object({ ...buildInputs, ...kanikoInputs, ...storeInputs })
export type Inputs = z.output<typeof Inputs>
