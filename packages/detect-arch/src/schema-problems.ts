// Turns what zod finds wrong with a YAML file into problems: the place of each, and what would be right.
import { z } from 'zod'
import type { Problem } from './problem.ts'
import { suggestWord } from './spelling.ts'
import type { YamlPath, YamlSource } from './yaml-source.ts'

type Issue = z.core.$ZodIssue

const unwrap = (schema: z.ZodType | undefined): z.ZodType | undefined => {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) return unwrap(schema.unwrap() as z.ZodType)
  return schema
}

/** The keys that an object at the path may have. */
const knownKeys = (schema: z.ZodType, path: YamlPath): string[] => {
  let current = unwrap(schema)
  for (const part of path) {
    if (current instanceof z.ZodObject) current = unwrap(current.shape[String(part)] as z.ZodType | undefined)
    else if (current instanceof z.ZodRecord) current = unwrap(current.valueType as z.ZodType)
    else if (current instanceof z.ZodArray) current = unwrap(current.element as z.ZodType)
    else return []
  }
  return current instanceof z.ZodObject ? Object.keys(current.shape) : []
}

const names: Readonly<Record<string, string>> = {
  string: 'text',
  array: 'a list',
  object: 'a mapping of keys to values',
  record: 'a mapping of keys to values',
  number: 'a number',
  boolean: 'true or false',
}

const describeValue = (value: unknown): string => {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return names['object'] as string
  return typeof value === 'string' ? `"${value}"` : `${names[typeof value] ?? typeof value} (${JSON.stringify(value)})`
}

const valueAt = (value: unknown, path: YamlPath): unknown =>
  path.reduce<unknown>(
    (current, part) =>
      typeof current === 'object' && current !== null && Object.hasOwn(current, part)
        ? (current as Record<PropertyKey, unknown>)[part]
        : undefined,
    value,
  )

/** What is wrong with a scalar where text is wanted, with the quotes that would make it right. */
const describeType = (expected: string, path: YamlPath, source: YamlSource): string => {
  const value = valueAt(source.value, path)
  const wanted = names[expected] ?? expected
  const written = source.textOf(path)
  if (expected === 'string' && (typeof value === 'number' || typeof value === 'boolean'))
    return `expected text, found ${describeValue(value)}: write "${written ?? String(value)}" in quotes`
  if (expected === 'array' && typeof value === 'string') return `expected a list, found "${value}": write [${value}]`
  return `expected ${wanted}, found ${describeValue(value)}`
}

/** The branch of a union that the value comes nearest to: the one whose problems lie deepest. */
const nearestBranch = (branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined =>
  branches.find((issues) => issues.some((issue) => issue.path.length > 0 || issue.code === 'custom'))

/** A key that has to be there and is not. */
const missing = (path: YamlPath, source: YamlSource, hint = ''): Problem[] | undefined => {
  const key = path.at(-1)
  if (key === undefined || valueAt(source.value, path) !== undefined) return undefined
  return [{ place: source.placeOfKey(path.slice(0, -1)), message: `"${String(key)}" is missing${hint}` }]
}

const describeIssue = (issue: Issue, base: YamlPath, schema: z.ZodType, source: YamlSource): Problem[] => {
  const path = [...base, ...issue.path]
  const at = (message: string): Problem[] => [{ place: source.placeOf(path), message }]
  switch (issue.code) {
    case 'unrecognized_keys':
      // Keys that begin with x- are the user's own; __proto__ is among the file's problems already.
      return issue.keys
        .filter((key) => key !== '__proto__' && !key.startsWith('x-'))
        .map((key) => ({
          place: source.placeOfKey([...path, key]),
          message: `unknown key "${key}"${suggestWord(key, knownKeys(schema, path))}`,
        }))
    case 'invalid_key':
      return issue.issues.map(({ message }) => ({ place: source.placeOfKey(path), message }))
    case 'invalid_type':
      return missing(path, source) ?? at(describeType(issue.expected, path, source))
    case 'invalid_value': {
      const expected = issue.values.map(String).join(', ')
      return (
        missing(path, source, `: expected ${expected}`) ??
        at(`expected ${expected}; found ${describeValue(valueAt(source.value, path))}`)
      )
    }
    case 'invalid_union': {
      const branch = nearestBranch(issue.errors)
      if (branch) return branch.flatMap((inner) => describeIssue(inner, path, schema, source))
      const wanted = issue.errors.flat().map((inner) => {
        if (inner.code === 'invalid_value') return inner.values.map(String).join(', ')
        return inner.code === 'invalid_type' ? (names[inner.expected] ?? inner.expected) : inner.message
      })
      const value = valueAt(source.value, path)
      const hint = wanted.includes('a list') && typeof value === 'string' ? `: write [${value}]` : ''
      return at(`expected ${[...new Set(wanted)].join(' or ')}, found ${describeValue(value)}${hint}`)
    }
    case 'too_small':
      return at('must not be empty')
    default:
      return at(issue.message)
  }
}

/** Every problem that the schema has with the file. */
export const schemaProblems = (error: z.ZodError, schema: z.ZodType, source: YamlSource): Problem[] =>
  error.issues.flatMap((issue) => describeIssue(issue, [], schema, source))

/** Keys of a mapping that say the same in other words, of which only the last would count. */
export const repeatedKeys = (path: YamlPath, key: z.ZodType<string>, source: YamlSource): Problem[] => {
  const value = valueAt(source.value, path)
  const seen = new Map<string, string>()
  return Object.keys(typeof value === 'object' && value !== null ? value : {}).flatMap((written) => {
    const name = key.safeParse(written).data
    const earlier = name === undefined ? undefined : seen.get(name)
    if (name !== undefined && earlier === undefined) seen.set(name, written)
    if (earlier === undefined) return []
    return [
      { place: source.placeOfKey([...path, written]), message: `"${written}" is "${earlier}" again: name it once` },
    ]
  })
}

/** The value without the parts that have problems, so that what is left can be checked further. */
export const withoutProblems = (value: unknown, error: z.ZodError): unknown => {
  const copy: unknown = structuredClone(value)
  for (const issue of error.issues) {
    const paths = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path]
    for (const path of paths) {
      // A list with a hole would be wrong again: the whole list goes.
      const item = path.findIndex((part) => typeof part === 'number')
      const whole = item === -1 ? path : path.slice(0, item)
      // What is missing cannot be taken out: that which lacks it goes.
      const removed = valueAt(copy, whole) === undefined ? whole.slice(0, -1) : whole
      const key = removed.at(-1)
      const parent = valueAt(copy, removed.slice(0, -1))
      if (key !== undefined && typeof parent === 'object' && parent !== null) Reflect.deleteProperty(parent, key)
    }
  }
  return copy
}
