// The outputs of detect-arch.
import { Plan } from '@polyarch/documents'
import { z } from 'zod'

const runner = z.union([z.string(), z.array(z.string())])

const MatrixLeg = z.object({
  leg: z.string(),
  image: z.string(),
  platform: z.string(),
  engine: z.string(),
  runner,
})

export const LegMatrix = z.object({ include: z.array(MatrixLeg) })
export type LegMatrix = z.output<typeof LegMatrix>

export const ImageMatrix = z.object({ include: z.array(z.object({ image: z.string() })) })
export type ImageMatrix = z.output<typeof ImageMatrix>

export const Outputs = z.object({
  plan: Plan.meta({ description: 'The plan, polyarch.plan/v1' }),
  matrix: LegMatrix.meta({ description: 'One entry per leg: {"include":[{leg,image,platform,engine,runner}]}' }),
  'merge-matrix': ImageMatrix.meta({ description: 'One entry per image: {"include":[{image}]}' }),
  empty: z.boolean().meta({ description: 'Whether there is nothing to build' }),
  'host-platform': z.string().meta({ description: 'The platform of the machine that planned' }),
})
export type Outputs = z.output<typeof Outputs>
