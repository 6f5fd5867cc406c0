// actions/<step>/action.yml: a step as a GitHub action.
import { type InputFacts, type Step, stepInputs } from '@polyarch/ci-host'
import { stepOutputs } from './tables.ts'
import { formatYaml } from './yaml-text.ts'

interface ActionInput {
  readonly description: string
  readonly required?: true
  readonly default?: string
}

/** Icons of the marketplace by what a step does; see https://feathericons.com for the names. */
const icons: Readonly<Record<string, string>> = {
  'detect-arch': 'map',
  'push-digest': 'upload-cloud',
  'merge-manifest': 'git-merge',
  report: 'file-text',
}

/** What the host itself reads, for ghcr.io; on GitLab the job's own variables are enough. */
const hostInputs: Readonly<Record<string, ActionInput>> = {
  'github-token': {
    description: 'The token for ghcr.io; the job’s own needs permissions: packages: write to push',
    // Written in pieces, as it is not for JavaScript to fill in.
    default: ['$', '{{ github.token }}'].join(''),
  },
}

/** An input as action.yml has it: required or with a default; what has neither is passed as an empty text. */
const actionInput = (facts: InputFacts): ActionInput => ({
  description: facts.description,
  ...(facts.required ? { required: true } : {}),
  ...(facts.default === undefined ? {} : { default: facts.default }),
})

/** The action.yml of a step. */
export const formatAction = (step: Step): string => {
  const inputs = Object.fromEntries(stepInputs(step).map(([name, facts]) => [name, actionInput(facts)]))
  const reachesRegistries = 'registry-auth' in inputs
  const action = {
    name: step.title,
    description: step.description,
    author: 'Polyarch',
    branding: { icon: icons[step.name] ?? 'package', color: 'blue' },
    inputs: { ...inputs, ...(reachesRegistries ? hostInputs : {}) },
    outputs: Object.fromEntries(stepOutputs(step).map(([name, description]) => [name, { description }])),
    runs: { using: 'node24', main: 'dist/index.js' },
  }
  return `# Written by \`npm run generate\` from packages/${step.name}/src/step.ts.\n${formatYaml(action)}`
}
