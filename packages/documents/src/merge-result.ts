// polyarch.merge/v1: the index that was written, and the tags that point at it.
import { z } from 'zod'
import { digestField, imageIdField, platformField, sizeField, storeField, tagField } from './fields.ts'

export const TagOutcome = z.strictObject({
  tag: tagField,
  previous: digestField.nullable(),
  status: z.enum(['created', 'moved', 'unchanged']),
})
export type TagOutcome = z.infer<typeof TagOutcome>

export const MergeResult = z
  .strictObject({
    schema: z.literal('polyarch.merge/v1'),
    plan: z.string().nullable(),
    image: imageIdField,
    digest: digestField,
    mediaType: z.string(),
    size: sizeField,
    platforms: z.array(
      z.strictObject({
        platform: platformField,
        digest: digestField,
        mediaType: z.string(),
        size: sizeField,
        layersSize: sizeField,
        prebuilt: z.boolean(),
      }),
    ),
    repositories: z.array(z.strictObject({ repository: storeField, tags: z.array(TagOutcome) })),
  })
  .meta({ title: 'polyarch.merge/v1', description: 'The index that was written and the tags that point at it.' })
export type MergeResult = z.infer<typeof MergeResult>
