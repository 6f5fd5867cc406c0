// Reads a document from text: JSON, the right schema, no unknown keys but x-*.
import { inputFailure } from '@polyarch/oci'
import type { z } from 'zod'
import { DigestRecord } from './digest-record.ts'
import { MergeResult } from './merge-result.ts'
import { Plan, verifyPlan } from './plan.ts'

/** The largest document that is read, in bytes. */
export const documentSizeLimit = 16 * 1024 * 1024

/** The value without the x-* keys that its schema does not know; maps whose keys are the user's keep theirs. */
const withoutExtensions = (value: unknown, issues: readonly z.core.$ZodIssue[]): unknown => {
  const copy: unknown = structuredClone(value)
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue
    const holder = issue.path.reduce((at, part) => (at as Record<PropertyKey, unknown>)[part], copy)
    for (const key of issue.keys) if (key.startsWith('x-')) delete (holder as Record<string, unknown>)[key]
  }
  return copy
}

const pathOf = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (text, part) =>
      typeof part === 'number' ? `${text}[${part}]` : text === '' ? String(part) : `${text}.${String(part)}`,
    '',
  )

/** The problems of a value that does not fit its schema, one `path: what` each. */
const describeIssues = (error: z.ZodError): string[] =>
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
  const strict = schema.safeParse(value)
  const parsed = strict.success ? strict : schema.safeParse(withoutExtensions(value, strict.error.issues))
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
