// The inputs of buildkit-build.
import { buildkitInputs } from '@polyarch/buildkit'
import { buildInputs } from '@polyarch/engine'
import { storeInputs } from '@polyarch/stores'
import { z } from 'zod'

export const Inputs = z.object({ ...buildInputs, ...buildkitInputs, ...storeInputs })
export type Inputs = z.output<typeof Inputs>
