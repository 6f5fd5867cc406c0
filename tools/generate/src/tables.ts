// The inputs and outputs of a step as markdown tables.
import { type InputFacts, type Step, stepInputs } from '@polyarch/ci-host'
import type { z } from 'zod'

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')

/** A markdown table; cells are made safe for it. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |\n`).join('')

const kindWords: Readonly<Record<InputFacts['kind'], string>> = {
  text: 'text',
  list: 'list',
  map: 'lines',
  lines: 'lines',
  boolean: '`true`, `false`',
  choice: '',
  number: 'number',
}

const kindOf = (facts: InputFacts): string =>
  `${facts.options ? facts.options.map((option) => `\`${option}\``).join(', ') : kindWords[facts.kind]}${facts.secret ? ', secret' : ''}`

const defaultOf = (facts: InputFacts): string => {
  if (facts.required) return '**required**'
  return facts.default === undefined ? '' : `\`${facts.default}\``
}

/** The table of a step's inputs. */
export const inputTable = (step: Step): string =>
  table(
    ['input', 'what it is', 'kind', 'default'],
    stepInputs(step).map(([name, facts]) => [`\`${name}\``, facts.description, kindOf(facts), defaultOf(facts)]),
  )

/** A step's outputs with their descriptions, in the order in which they were declared. */
export const stepOutputs = (step: Step): [name: string, description: string][] =>
  Object.entries(step.outputs.shape).map(([name, schema]) => {
    const description = (schema as z.ZodType).meta()?.description
    if (!description)
      throw new Error(`step ${step.name}: output ${name} has no description: add .meta({ description })`)
    return [name, description]
  })

/** The table of a step's outputs. */
export const outputTable = (step: Step): string =>
  table(
    ['output', 'what it is'],
    stepOutputs(step).map(([name, description]) => [`\`${name}\``, description]),
  )
