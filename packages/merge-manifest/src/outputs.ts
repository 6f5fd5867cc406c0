// The outputs of merge-manifest.
import { MergeResult } from '@polyarch/documents'
import { z } from 'zod'

export const Outputs = z.object({
  digest: z
    .string()
    .optional()
    .meta({ description: 'The digest of the index; not set where there was nothing to merge' }),
  tags: z.array(z.string()).meta({ description: 'All tags as REPOSITORY:TAG, JSON list' }),
  index: z.looseObject({}).optional().meta({ description: 'The index as it was written, JSON' }),
  result: MergeResult.optional().meta({ description: 'The merge result, polyarch.merge/v1' }),
})
export type Outputs = z.output<typeof Outputs>
