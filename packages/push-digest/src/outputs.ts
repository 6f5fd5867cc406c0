// The outputs of push-digest.
import { DigestRecord } from '@polyarch/documents'
import { z } from 'zod'

export const Outputs = z.object({
  digest: z.string().meta({ description: 'The digest of the image that was pushed' }),
  record: DigestRecord.meta({ description: 'The digest record, polyarch.digest/v1' }),
})
export type Outputs = z.output<typeof Outputs>
