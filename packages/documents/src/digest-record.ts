// polyarch.digest/v1: where one leg's image was pushed, and what it is.
import { z } from 'zod'
import {
  descriptorField,
  digestField,
  engineField,
  entryField,
  imageIdField,
  legIdField,
  platformField,
  sizeField,
  storeField,
  tagField,
} from './fields.ts'

export const DigestRecord = z
  .strictObject({
    schema: z.literal('polyarch.digest/v1'),
    plan: z.string().nullable(),
    leg: legIdField.nullable(),
    image: imageIdField,
    platform: platformField,
    repository: storeField,
    digest: digestField,
    mediaType: z.string(),
    size: sizeField,
    configDigest: digestField,
    entry: entryField.optional().meta({
      description:
        'What the entry of the image in its layout says beyond its config: it goes into the entry of the merged index.',
    }),
    attestations: z.array(descriptorField),
    anchors: z
      .array(tagField)
      .optional()
      .meta({ description: 'The tags that lead to the image and its attestations until the merge.' }),
    engine: z.strictObject({ name: engineField, version: z.string() }).nullable(),
    run: z.strictObject({ id: z.string(), attempt: z.int().positive() }).nullable(),
  })
  .meta({ title: 'polyarch.digest/v1', description: 'Where one leg was pushed by digest, and what it is.' })
export type DigestRecord = z.infer<typeof DigestRecord>
