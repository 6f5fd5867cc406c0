// A step: its inputs, its outputs and what it does; from it come the command, the action and the component.
import { type Failure, inputFailure } from '@polyarch/oci'
import type { z } from 'zod'
import type { Host } from './host.ts'
import { type InputFacts, inputFacts } from './inputs.ts'

export interface Step<I extends z.ZodObject = z.ZodObject, O extends z.ZodObject = z.ZodObject> {
  /** The command's name, for example push-digest. */
  readonly name: string
  readonly title: string
  /** One or two sentences for action.yml, --help and the README. */
  readonly description: string
  /** Keys are input names in kebab-case; each value is made by a function of inputs.ts. */
  readonly inputs: I
  /** Keys are output names in kebab-case; values that are not text are written as JSON. */
  readonly outputs: O
  run(inputs: z.output<I>, host: Host): Promise<z.output<O>>
  /** What the step ends with although its outputs are there and were written: a check that found something. */
  failure?(outputs: z.output<O>): Failure | undefined
  /** The markdown for the job's summary, or undefined for none. */
  report?(outputs: z.output<O>): string | undefined
}

/** A step with its types inferred from its schemas. */
export const defineStep = <I extends z.ZodObject, O extends z.ZodObject>(step: Step<I, O>): Step<I, O> => step

/** The values of a step's inputs as they were written: one text, or several for a repeated flag. */
export type RawInputs = Readonly<Record<string, string | readonly string[] | undefined>>

/** A step's inputs by name, in the order in which they were declared. */
export const stepInputs = (step: Pick<Step, 'inputs'>): [name: string, facts: InputFacts][] =>
  Object.entries(step.inputs.shape).map(([name, schema]) => [name, inputFacts(schema as z.ZodType)])

/** The names of the environment variables that carry an input: GitHub keeps the hyphen, GitLab cannot have one. */
export const inputVariables = (name: string): readonly [string, string] => [
  `INPUT_${name.toUpperCase()}`,
  `INPUT_${name.toUpperCase().replaceAll('-', '_')}`,
]

/**
 * The raw inputs: flags first, then the environment, trimmed as GitHub's own reader does it; an empty text counts as
 * not given, as forges pass it for unset.
 */
export const readRawInputs = (
  step: Pick<Step, 'inputs'>,
  flags: RawInputs,
  env: Readonly<Record<string, string | undefined>>,
): RawInputs =>
  Object.fromEntries(
    stepInputs(step).flatMap(([name, { variable }]) => {
      const flag = flags[name]
      if (flag !== undefined) return [[name, flag]]
      const value = [...inputVariables(name), ...(variable === undefined ? [] : [variable])]
        .map((variable) => env[variable]?.trim())
        .find((candidate) => candidate !== undefined && candidate !== '')
      return value === undefined ? [] : [[name, value]]
    }),
  )

/**
 * The typed inputs of a step from their raw values.
 * @throws {Failure} input, one line that names every input that is wrong.
 */
export const parseInputs = <I extends z.ZodObject>(step: Pick<Step<I>, 'inputs'>, raw: RawInputs): z.output<I> => {
  for (const [name, facts] of stepInputs(step))
    if (facts.required && raw[name] === undefined) throw inputFailure(`input ${name} is required: ${facts.description}`)
  const parsed = step.inputs.safeParse(raw)
  if (parsed.success) return parsed.data
  throw inputFailure(parsed.error.issues.map((issue) => `input ${issue.path.join('.')}: ${issue.message}`).join('; '))
}

/** Every text in a JSON value: a docker config holds its secrets at any depth. */
const textsOf = (value: unknown): string[] => {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsOf) : []
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    // Not JSON, so it is lines: both are allowed where a secret is expected.
    return undefined
  }
}

/** `user:password` in the base64 of a docker config's `auth`. */
const decodeLogin = (text: string): string[] => {
  const login = Buffer.from(text, 'base64').toString('utf8')
  return login.includes(':') && Buffer.from(login).toString('base64') === text ? [login, passwordOf(login)] : []
}

const passwordOf = (login: string): string => login.slice(login.indexOf(':') + 1)

const lineSecrets = (line: string): string[] => {
  const value = line.slice(line.indexOf('=') + 1)
  return [line, value, passwordOf(value), Buffer.from(value).toString('base64')]
}

/** The texts that a step's secret inputs hold, whole and in parts, to be masked before the first line is logged. */
export const secretsOf = (step: Pick<Step, 'inputs'>, raw: RawInputs): string[] =>
  stepInputs(step)
    .filter(([, facts]) => facts.secret)
    .flatMap(([name]) => raw[name] ?? [])
    .flatMap((value) => {
      const json = parseJson(value)
      if (typeof json === 'object' && json !== null)
        return textsOf(json).flatMap((text) => [text, ...decodeLogin(text)])
      return [value, ...value.split(/\r?\n/).flatMap(lineSecrets)]
    })
    .map((part) => part.trim())
    .filter((part) => part.length >= 3)
