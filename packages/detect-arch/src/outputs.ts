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
  /** Only for a leg that extends a base image. */
  extend: z.enum(['run', 'build']).optional(),
})

export const LegMatrix = z.object({ include: z.array(MatrixLeg) })
export type LegMatrix = z.output<typeof LegMatrix>

export const ImageMatrix = z.object({ include: z.array(z.object({ image: z.string() })) })
export type ImageMatrix = z.output<typeof ImageMatrix>

/** How many shards of a matrix there can be: outputs have to be named before anyone knows the plan. */
export const legShards = 16
export const imageShards = 4

const shards = <S extends z.ZodType>(name: string, schema: S, count: number, what: string) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, shard) => [
      `${name}-${shard}`,
      schema
        .optional()
        .meta({ description: `${what} ${shard * 256} to ${shard * 256 + 255} of ${name}, where there are any` }),
    ]),
  ) as Record<never, never>

export const Outputs = z.object({
  plan: z.union([Plan, z.string()]).optional().meta({
    description:
      'The plan, polyarch.plan/v1; with handoff: artifact the name of its artifact, which the other steps take as well; else left out where it is too big for their input',
  }),
  'plan-file': z.string().optional().meta({ description: 'The file that the plan was written to, if it was' }),
  matrix: LegMatrix.optional().meta({
    description:
      'One entry per leg: {"include":[{leg,image,platform,engine,runner}]}, with extend (run or build) for extend-image; left out where a job matrix cannot hold them all',
  }),
  'merge-matrix': ImageMatrix.optional().meta({
    description: 'One entry per image: {"include":[{image}]}; left out likewise',
  }),
  reasons: z.record(z.string(), z.string()).optional().meta({
    description: 'Why each leg is built where it is and by which engine; left out where outputs cannot hold it',
  }),
  empty: z.boolean().meta({ description: 'Whether there is nothing to build' }),
  'host-platform': z.string().meta({ description: 'The platform of the machine that planned' }),
  ...shards('matrix', LegMatrix, legShards, 'Legs'),
  ...shards('merge-matrix', ImageMatrix, imageShards, 'Images'),
})
export type Outputs = z.output<typeof Outputs>
