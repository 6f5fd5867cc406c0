// Reads a document from text: JSON, the right schema, no unknown keys but x-*.
import { inputFailure } from '@polyarch/oci'
import type { z } from 'zod'
import { DigestRecord } from './digest-record.ts'
import { MergeResult } from './merge-result.ts'
import { Plan, verifyPlan } from './plan.ts'

/** The largest document that is read, in bytes. */
export const documentSizeLimit = 16 * 1024 * 1024

const withoutExtensions = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutExtensions)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !key.startsWith('x-'))
      .map(([key, entry]) => [key, withoutExtensions(entry)]),
  )
}

const pathOf = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  )

/** The problems of a value that does not fit its schema, one `path: what` each. */
export const describeIssues = (error: z.ZodError): string[] =>
  error.issues.map((issue) => {
    const where = pathOf(issue.path)
    return where === '' ? issue.message : `${where}: ${issue.message}`
  })

const parseDocument = <S extends z.ZodType>(schema: S, name: string, text: string, place: string): z.output<S> => {
  if (text.length > documentSizeLimit) throw inputFailure(`${place}: larger than ${documentSizeLimit} bytes`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw inputFailure(`${place}: not JSON (${(cause as Error).message})`, { cause })
  }
  const stated = typeof value === 'object' && value !== null && 'schema' in value ? value.schema : undefined
  if (stated !== name)
    throw inputFailure(`${place}: expected a ${name} document, found ${typeof stated === 'string' ? stated : 'none'}`)
  const parsed = schema.safeParse(withoutExtensions(value))
  if (parsed.success) return parsed.data
  throw inputFailure(`${place}: ${describeIssues(parsed.error).join('; ')}`)
}

/**
 * A plan from its JSON; `place` names the file or input in errors.
 * @throws {Failure} input, when it is not a plan; verification, when it is not the one that its id names.
 */
export const parsePlan = (text: string, place: string): Plan =>
  verifyPlan(parseDocument(Plan, 'polyarch.plan/v1', text, place))

/**
 * A digest record from its JSON.
 * @throws {Failure} input, when it is not one.
 */
export const parseDigestRecord = (text: string, place: string): DigestRecord =>
  parseDocument(DigestRecord, 'polyarch.digest/v1', text, place)

/**
 * A merge result from its JSON.
 * @throws {Failure} input, when it is not one.
 */
export const parseMergeResult = (text: string, place: string): MergeResult =>
  parseDocument(MergeResult, 'polyarch.merge/v1', text, place)

/** The text of a document as it is written to a file: indented, with a final newline. */
export const formatDocument = (document: Plan | DigestRecord | MergeResult): string =>
  `${JSON.stringify(document, null, 2)}\n`

/** The schemas of all documents by name, as they are published under schemas/. */
export const documentSchemas = { plan: Plan, digest: DigestRecord, merge: MergeResult } as const
