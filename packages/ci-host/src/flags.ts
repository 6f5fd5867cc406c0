// Flags of a step that is started by itself; the polyarch command has its own parser.
import { parseArgs } from 'node:util'
import { inputFailure } from '@polyarch/oci'
import { type RawInputs, type Step, stepInputs } from './step.ts'

export interface Flags {
  readonly flags: RawInputs
  readonly json: boolean
  readonly debug: boolean
  /** Whether the flags are only asked for. */
  readonly help: boolean
}

/**
 * The argument, as a flag with two hyphens where it is one of these names with one: Go's programs take both
 * (https://pkg.go.dev/flag), and no flag here is a single letter.
 */
export const withTwoHyphens = (argument: string, names: readonly string[]): string => {
  const [, name] = /^-([a-z][a-z0-9-]+)(?:=|$)/.exec(argument) ?? []
  return name !== undefined && names.includes(name) ? `-${argument}` : argument
}

/**
 * The flags of a step: one per input, repeated for a list; `--x` or `--no-x` for a boolean; --json, --debug and --help.
 * @throws {Failure} input, when a flag is unknown or lacks its value.
 */
export const parseFlags = (step: Pick<Step, 'name' | 'inputs'>, args: readonly string[]): Flags => {
  const inputs = stepInputs(step)
  const names = inputs.map(([name]) => name)
  const booleans = new Set(inputs.filter(([, facts]) => facts.kind === 'boolean').map(([name]) => name))
  const options = Object.fromEntries(
    inputs.map(([name]) =>
      booleans.has(name) ? [name, { type: 'boolean' as const }] : [name, { type: 'string' as const, multiple: true }],
    ),
  )
  const parse = () => {
    try {
      return parseArgs({
        args: args.map((argument) => withTwoHyphens(argument, names)),
        options: {
          ...options,
          json: { type: 'boolean' },
          debug: { type: 'boolean' },
          help: { type: 'boolean', short: 'h' },
        },
        allowNegative: true,
        strict: true,
      }).values
    } catch (cause) {
      throw inputFailure(`${step.name}: ${(cause as Error).message}`, { cause })
    }
  }
  const { json, debug, help, ...values } = parse() as Record<string, boolean | string[] | undefined>
  return {
    flags: Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, typeof value === 'boolean' ? String(value) : value]),
    ),
    json: json === true,
    debug: debug === true,
    help: help === true,
  }
}
