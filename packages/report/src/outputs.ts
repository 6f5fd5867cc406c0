// The outputs of report.
import { MergeResult } from '@polyarch/documents'
import { z } from 'zod'

export const Outputs = z.object({
  images: z.array(MergeResult).meta({ description: 'The merge results of all images, JSON list' }),
  missing: z.array(z.string()).meta({ description: 'Images of the plan that have no result, JSON list' }),
})
export type Outputs = z.output<typeof Outputs>
