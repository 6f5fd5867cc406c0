// What a step that is started by itself says of its flags; the polyarch command has its own help.
import { type Step, stepInputs } from './step.ts'

/** The step and its flags, as --help shows them. */
export const formatUsage = (step: Pick<Step, 'name' | 'description' | 'inputs'>): string =>
  [
    `${step.name}: ${step.description}`,
    '',
    ...stepInputs(step).map(([name, { description, required, options, default: preset }]) => {
      const facts = [
        ...(required ? ['required'] : []),
        ...(options ? [`one of ${options.join(', ')}`] : []),
        ...(preset === undefined ? [] : [`default: ${preset}`]),
      ]
      return `  --${name}: ${[description, ...facts].join('; ')}`
    }),
    '  --json: print the outputs as one JSON object on stdout',
    '  --debug: show stack traces and debug lines',
    '',
  ].join('\n')
