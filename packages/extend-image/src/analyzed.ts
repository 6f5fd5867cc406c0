// analyzed.toml: the image to extend, and what the file says once it was extended.
import { Failure, inputFailure } from '@polyarch/oci'
import { z } from 'zod'
import { lifecycleFailure } from './lifecycle-failure.ts'
import { parseToml, replaceValues } from './toml.ts'

export type ExtendKind = 'build' | 'run'

const target = z.object({
  os: z.string().optional(),
  arch: z.string().optional(),
  'arch-variant': z.string().optional(),
})

const Analyzed = z.object({
  'build-image': z.object({ reference: z.string().optional() }).optional(),
  'run-image': z
    .object({ reference: z.string().optional(), extend: z.boolean().optional(), target: target.optional() })
    .optional(),
})
export type Analyzed = z.output<typeof Analyzed>

/**
 * What analyzed.toml says of the images.
 * @throws {Failure} with the lifecycle's code 1, where it is no TOML or a value is of the wrong kind.
 */
export const parseAnalyzed = (text: string, path: string): Analyzed => {
  try {
    return parseToml(Analyzed, text, path)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const message = `failed to initialize extender: failed to read analyzed file: ${error.message}`
    throw lifecycleFailure('failed', message, { cause: error })
  }
}

/** The reference of the image that is extended; '' where the file has none, as the lifecycle takes it. */
export const referenceOf = (analyzed: Analyzed, kind: ExtendKind): string => analyzed[`${kind}-image`]?.reference ?? ''

/**
 * The text of analyzed.toml with another image in the place of the one that was extended. A run image counts as not
 * to be extended from then on; all other bytes stay.
 * @throws {Failure} input, when the file does not say afterwards what it should.
 */
export const replaceImage = (text: string, kind: ExtendKind, reference: string, path: string): string => {
  const table = `${kind}-image`
  const edited = replaceValues(
    text,
    [
      { path: [table, 'reference'], value: reference },
      { path: [table, 'extend'], value: false },
    ],
    path,
  )
  const written = parseToml(Analyzed, edited, path)
  if (referenceOf(written, kind) !== reference || written['run-image']?.extend === (kind === 'run'))
    throw inputFailure(`${path}: ${table}.reference cannot be replaced: write it as a key of the table [${table}]`)
  return edited
}
