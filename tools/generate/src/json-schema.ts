// schemas/*.schema.json: the documents and polyarch.yaml, for editors and for other people's tools.
import { z } from 'zod'

const home = 'https://raw.githubusercontent.com/polyarch/polyarch/v1/schemas'

/** The file name of a schema. */
export const schemaFile = (name: string): string => `${name}.schema.json`

/** The JSON Schema of what a user writes; where unknown keys are an error, keys that begin with x- are not. */
export const formatJsonSchema = (name: string, schema: z.ZodType): string => {
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    io: 'input',
    target: 'draft-2020-12',
    override: ({ jsonSchema }) => {
      if (jsonSchema.additionalProperties === false) jsonSchema.patternProperties = { '^x-': {} }
    },
  })
  return `${JSON.stringify({ $schema, $id: `${home}/${schemaFile(name)}`, ...rest }, null, 2)}\n`
}
