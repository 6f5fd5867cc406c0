// The fields that several documents share, as zod schemas.
import {
  type Digest,
  formatPlatform,
  isDigest,
  isTag,
  manifestSizeLimit,
  parsePlatform,
  parseStoreLocation,
} from '@polyarch/oci'
import { z } from 'zod'

const accepts = (parse: (text: string) => unknown) => (text: string) => {
  try {
    parse(text)
    return true
  } catch {
    return false
  }
}

export const digestField = z
  .string()
  .refine(isDigest, { error: 'expected a digest such as sha256:<64 hex>' })
  .transform((text) => text as Digest)
  .meta({ description: 'A content digest, algorithm:hex.' })

export const platformField = z
  .string()
  .refine((text) => accepts(parsePlatform)(text) && formatPlatform(parsePlatform(text)) === text, {
    error: (issue) => `"${String(issue.input)}" is not a normalised platform such as linux/arm64`,
  })
  .meta({ description: 'os/architecture[/variant], normalised.' })

export const storeField = z
  .string()
  .refine(accepts(parseStoreLocation), {
    error: (issue) => `"${String(issue.input)}" is not HOST[:PORT]/NAME or oci:DIR`,
  })
  .meta({ description: 'A store: HOST[:PORT]/NAME or oci:DIR.' })

export const tagField = z.string().refine(isTag, { error: (issue) => `"${String(issue.input)}" is not a tag` })

/** The id of an image in a plan. */
export const imageIdField = z.string().regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/, {
  error: (issue) => `"${String(issue.input)}" is not an image id: lower-case letters, digits and single . _ - between`,
})

/** The id of a leg: the image's id, a dot and the platform's slug. */
export const legIdField = z.string().regex(/^[a-z0-9]+(?:[._-][a-z0-9]+)*$/)

export const commitField = z.string().regex(/^[0-9a-f]{40}$/, { error: 'expected a commit of 40 hex digits' })

export const textMapField = z.record(z.string(), z.string())

export const sizeField = z.int().nonnegative().meta({ description: 'Bytes.' })

export const engineField = z.enum(['kaniko', 'buildah', 'buildkit'])

export const descriptorField = z
  .looseObject({ mediaType: z.string(), digest: digestField, size: sizeField })
  .meta({ description: 'An OCI descriptor.' })

/** What an index says of an image that the image does not say itself. */
export const entryField = z
  .strictObject({
    platform: z
      .strictObject({
        os: z.string().min(1),
        architecture: z.string().min(1),
        variant: z.string().optional(),
        'os.version': z.string().optional(),
        'os.features': z.array(z.string()).optional(),
      })
      .optional()
      .meta({ description: 'The platform, where the entry says more of it than the config.' }),
    artifactType: z.string().optional(),
    annotations: textMapField.optional(),
  })
  // It was read from an index, and goes into one.
  .refine((entry) => JSON.stringify(entry).length <= manifestSizeLimit, {
    error: `larger than the ${manifestSizeLimit} bytes of an index`,
  })
