// templates/<step>.yml: a step as a GitLab component, its inputs generated around a hand-written job.
import { type InputFacts, inputVariables, type Step, stepInputs } from '@polyarch/ci-host'
import { type Document, isMap, parseAllDocuments } from 'yaml'
import { formatDocument, formatYaml } from './yaml-text.ts'

interface ComponentInput {
  readonly description: string
  readonly type?: 'string' | 'boolean' | 'number' | 'array'
  readonly default?: string | number | boolean | readonly string[]
  readonly options?: readonly string[]
}

/**
 * An input as GitLab's `spec` has it: mandatory without a default, typed where its default can be of that type.
 * Lists and maps are texts, split as everywhere else; an input that may be missing is an empty text.
 */
const componentInput = (facts: InputFacts): ComponentInput => {
  const { description } = facts
  if (facts.required) return { description }
  if (facts.kind === 'boolean') return { description, type: 'boolean', default: facts.default === 'true' }
  if (facts.kind === 'number' && facts.default !== undefined)
    return { description, type: 'number', default: Number(facts.default) }
  return {
    description,
    default: facts.default ?? '',
    ...(facts.options === undefined ? {} : { options: facts.options }),
  }
}

const interpolation = (name: string, facts: InputFacts): string => {
  const value = `$[[ inputs.${name} ]]`
  // Alone it would stay a boolean, which a variable cannot be; the reader of inputs cuts the space off.
  return facts.kind === 'boolean' ? `${value} ` : value
}

/** Inputs reach the step through variables: inside `script` their text would be run by the shell. */
const inputVariablesOf = (step: Step): Record<string, string> =>
  Object.fromEntries(stepInputs(step).map(([name, facts]) => [inputVariables(name)[1], interpolation(name, facts)]))

const parseJob = (step: Step, text: string): [header: Document, body: Document] => {
  const [header, body, ...rest] = parseAllDocuments(text)
  if (!header || !body || rest.length > 0)
    throw new Error(`tools/generate/jobs/${step.name}.job.yml: expected spec: and the job, two YAML documents`)
  for (const { errors } of [header as Document, body as Document]) for (const error of errors) throw error
  return [header as Document, body as Document]
}

/** The component of a step: the job's own inputs first, then those of the step. */
export const formatComponent = (step: Step, jobText: string, version: string): string => {
  const [header, body] = parseJob(step, jobText)
  const own = (header.toJS() as { spec: { inputs: Record<string, ComponentInput> } }).spec.inputs
  const ofStep = Object.fromEntries(stepInputs(step).map(([name, facts]) => [name, componentInput(facts)]))
  for (const name of Object.keys(own))
    if (name in ofStep) throw new Error(`the job of ${step.name} redefines input ${name}`)
  if (!isMap(body.contents) || body.contents.items.length !== 1)
    throw new Error(`${step.name}: expected exactly one job`)
  const job = String(body.contents.items[0]?.key)
  const variables = body.getIn([job, 'variables'])
  const written = isMap(variables) ? (variables.toJSON() as Record<string, string>) : {}
  body.setIn([job, 'variables'], body.createNode({ ...written, ...inputVariablesOf(step), POLYARCH_VERSION: version }))
  const origin = `packages/${step.name}/src/step.ts and tools/generate/jobs/${step.name}.job.yml`
  const spec = formatYaml({ spec: { inputs: { ...own, ...ofStep } } })
  return `# Written by \`npm run generate\` from ${origin}.\n${spec}---\n${formatDocument(body)}`
}
