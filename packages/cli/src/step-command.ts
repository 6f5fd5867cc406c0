// Makes a command of a step: one flag per input, with the same names, defaults and help as the action and the component.
import { type InputFacts, type RawInputs, type Step, stepInputs } from '@polyarch/ci-host'
import { Command, Option } from 'commander'

const collect = (value: string, previous: readonly string[] | undefined): readonly string[] => [
  ...(previous ?? []),
  value,
]

const placeholderOf: Readonly<Record<InputFacts['kind'], string>> = {
  text: '<text>',
  list: '<items>',
  map: '<key=value>',
  lines: '<line>',
  boolean: '',
  choice: '<word>',
  number: '<number>',
}

const describe = (facts: InputFacts): string =>
  [
    facts.description,
    ...(facts.options ? [`one of ${facts.options.join(', ')}`] : []),
    ...(facts.default === undefined ? [] : [`default: ${facts.default}`]),
    ...(facts.secret ? ['better given by the environment: other processes can read flags'] : []),
  ].join('; ')

const addInput = (command: Command, name: string, facts: InputFacts): void => {
  if (facts.kind === 'boolean') {
    command.addOption(new Option(`--${name}`, describe(facts)))
    command.addOption(new Option(`--no-${name}`).hideHelp())
    return
  }
  command.addOption(new Option(`--${name} ${placeholderOf[facts.kind]}`, describe(facts)).argParser(collect))
}

/** What a step's command was given: its raw inputs, and the flags that every command has. */
export interface StepInvocation {
  readonly flags: RawInputs
  readonly json: boolean
  readonly debug: boolean
}

/** Positional arguments of a command, each standing for an input of the step. */
export type Positionals = readonly string[]

/**
 * The command of a step; `run` gets what the user gave, not yet parsed.
 * Inputs listed as positionals are arguments, in that order, and no flags.
 */
export const createStepCommand = (
  step: Step,
  run: (invocation: StepInvocation) => Promise<void>,
  positionals: Positionals = [],
): Command => {
  const command = new Command(step.name).description(step.description)
  for (const [name, facts] of stepInputs(step)) {
    if (positionals.includes(name)) command.argument(`<${name}>`, facts.description)
    else addInput(command, name, facts)
  }
  command.addOption(new Option('--json', 'print the outputs as one JSON object on stdout'))
  command.addOption(new Option('--debug', 'show stack traces and debug lines'))
  command.action(async () => {
    const values = command.optsWithGlobals<Record<string, unknown>>()
    const flags: Record<string, string | readonly string[]> = {}
    for (const [name] of stepInputs(step)) {
      const position = positionals.indexOf(name)
      const value = position === -1 ? values[new Option(`--${name}`).attributeName()] : command.args[position]
      if (value !== undefined) flags[name] = typeof value === 'boolean' ? String(value) : (value as string | string[])
    }
    await run({ flags, json: values['json'] === true, debug: values['debug'] === true })
  })
  return command
}
