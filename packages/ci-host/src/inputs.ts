// Inputs: how each kind is written as flag, environment variable and YAML, and what a step gets of it.
import { Failure, inputFailure } from '@polyarch/oci'
import { z } from 'zod'

/** What a generator, a help text and a reader of raw values need to know of an input. */
export interface InputFacts {
  readonly kind: 'text' | 'list' | 'map' | 'lines' | 'boolean' | 'choice' | 'number'
  readonly description: string
  readonly required: boolean
  readonly secret: boolean
  readonly default?: string
  readonly options?: readonly string[]
  /** An environment variable of somebody else's that carries it too, read after Polyarch's own. */
  readonly variable?: string
}

interface InputOptions {
  readonly required?: boolean
  readonly secret?: boolean
  readonly default?: string
}

/** As a flag, repeated or not, or as the one text of an environment variable. */
const rawInput = z.union([z.string(), z.array(z.string())])

const registerFacts = <S extends z.ZodType>(schema: S, facts: InputFacts): S =>
  schema.meta({ description: facts.description, input: facts }) as S

const factsOf = (kind: InputFacts['kind'], description: string, options: InputOptions): InputFacts => ({
  kind,
  description,
  required: options.required ?? false,
  secret: options.secret ?? false,
  ...(options.default === undefined ? {} : { default: options.default }),
})

/** The facts of an input made by one of the functions below. */
export const inputFacts = (schema: z.ZodType): InputFacts => {
  const facts = schema.meta()?.['input'] as InputFacts | undefined
  if (!facts)
    throw new Error('an input has no facts: make it with text(), list(), map(), boolean(), choice() or number()')
  return facts
}

/** The input, which another program's environment variable carries too: flags and INPUT_* come first. */
export const orVariable = <S extends z.ZodType>(variable: string, schema: S): S =>
  registerFacts(schema, {
    ...inputFacts(schema),
    description: `${inputFacts(schema).description} (${variable})`,
    variable,
  })

const single = (raw: string | string[], context: z.RefinementCtx): string => {
  if (typeof raw === 'string') return raw
  if (raw.length !== 1) context.addIssue({ code: 'custom', message: 'given more than once' })
  return raw[0] ?? ''
}

/** Splits a list's values at newlines and commas, trimmed, without empty ones. */
export const splitList = (raw: string | readonly string[]): string[] =>
  (typeof raw === 'string' ? [raw] : raw).flatMap((value) =>
    value
      .split(/[\n,]/)
      .map((entry) => entry.trim())
      .filter((entry) => entry !== ''),
  )

/** Splits at newlines only, without empty lines; spaces inside are kept. */
const splitLines = (raw: string | readonly string[]): string[] =>
  (typeof raw === 'string' ? [raw] : raw).flatMap((value) =>
    value
      .split(/\r?\n/)
      .map((entry) => entry.trim())
      .filter((entry) => entry !== ''),
  )

type TextOutput<O extends InputOptions> = O extends { required: true } | { default: string }
  ? string
  : string | undefined

/** One text. */
export const text = <const O extends InputOptions>(description: string, options?: O) => {
  const facts = factsOf('text', description, options ?? {})
  const value = rawInput.transform(single)
  const schema =
    options?.default !== undefined ? value.prefault(options.default) : options?.required ? value : value.optional()
  return registerFacts(schema as unknown as z.ZodType<TextOutput<O>, string | string[] | undefined>, facts)
}

/** A list: a repeated flag, or one value split at newlines or commas. */
export const list = (description: string, options: InputOptions = {}) =>
  registerFacts(
    rawInput.prefault(options.default ?? []).transform((raw) => splitList(raw)),
    factsOf('list', description, options),
  )

/** Lines of key=value, split at newlines only and at the first `=`; a bare key has the value undefined. */
export const map = (description: string, options: InputOptions = {}) =>
  registerFacts(
    rawInput.prefault(options.default ?? []).transform((raw, context) => {
      const entries = new Map<string, string | undefined>()
      for (const line of splitLines(raw)) {
        const equals = line.indexOf('=')
        const key = (equals === -1 ? line : line.slice(0, equals)).trim()
        if (key === '') context.addIssue({ code: 'custom', message: `expected key=value, found "=…"` })
        else if (entries.has(key)) context.addIssue({ code: 'custom', message: `"${key}" is given twice` })
        else entries.set(key, equals === -1 ? undefined : line.slice(equals + 1))
      }
      return Object.fromEntries(entries)
    }),
    factsOf('map', description, options),
  )

/** Lines kept whole, split at newlines only. */
export const lines = (description: string, options: InputOptions = {}) =>
  registerFacts(
    rawInput.prefault(options.default ?? []).transform((raw) => splitLines(raw)),
    factsOf('lines', description, options),
  )

/** `true` or `false`, as YAML 1.2's core schema writes them. */
export const boolean = (description: string, defaultValue: boolean) =>
  registerFacts(
    rawInput.prefault(String(defaultValue)).transform((raw, context) => {
      const value = single(raw, context)
      if (/^(?:true|True|TRUE)$/.test(value)) return true
      if (/^(?:false|False|FALSE)$/.test(value)) return false
      context.addIssue({ code: 'custom', message: `expected true or false, found "${value}"` })
      return z.NEVER
    }),
    factsOf('boolean', description, { default: String(defaultValue) }),
  )

/** One of a few words. */
export const choice = <const W extends readonly [string, ...string[]]>(
  description: string,
  options: W,
  defaultValue: W[number],
) =>
  registerFacts(
    rawInput.prefault(defaultValue).transform((raw, context): W[number] => {
      const value = single(raw, context)
      if (options.includes(value)) return value
      context.addIssue({ code: 'custom', message: `expected ${options.join(', ')}; found "${value}"` })
      return z.NEVER
    }),
    { ...factsOf('choice', description, { default: defaultValue }), options },
  )

/** A whole number, zero or more. */
export const number = <const O extends { readonly default?: number }>(description: string, options?: O) => {
  const facts = factsOf(
    'number',
    description,
    options?.default === undefined ? {} : { default: String(options.default) },
  )
  const parse = rawInput.transform((raw, context) => {
    const value = single(raw, context)
    if (/^\d{1,15}$/.test(value)) return Number(value)
    context.addIssue({ code: 'custom', message: `expected a whole number, found "${value}"` })
    return z.NEVER
  })
  const schema = options?.default === undefined ? parse.optional() : parse.prefault(String(options.default))
  type Value = O extends { readonly default: number } ? number : number | undefined
  return registerFacts(schema as unknown as z.ZodType<Value, string | string[] | undefined>, facts)
}

/**
 * The values of a map input, all of which must be there.
 * @throws {Failure} input, naming the first key without a value.
 */
export const requireValues = (
  input: string,
  entries: Readonly<Record<string, string | undefined>>,
): Record<string, string> =>
  Object.fromEntries(
    Object.entries(entries).map(([key, value]) => {
      if (value === undefined) throw inputFailure(`input ${input}: "${key}" has no value: expected ${key}=value`)
      return [key, value]
    }),
  )

/**
 * What the text of an input means, by a parser that knows nothing of inputs.
 * @throws {Failure} the parser's, with the input named first.
 */
export const parseInput = <T>(input: string, written: string, parse: (text: string) => T): T => {
  try {
    return parse(written)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    throw new Failure(error.kind, `input ${input}: ${error.message}`, { cause: error })
  }
}

/** The values of the inputs that the shape names. */
export const pickInputs = <V extends object, S extends object>(values: V, shape: S): Pick<V, keyof V & keyof S> =>
  Object.fromEntries(Object.entries(values).filter(([name]) => name in shape)) as Pick<V, keyof V & keyof S>
