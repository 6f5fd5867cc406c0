// README texts that come from the steps: of the house, and of each step's package.
import type { Step } from '@polyarch/ci-host'
import { fillMarkers } from './markers.ts'
import { inputTable, outputTable } from './tables.ts'

const stepSection = (step: Step): string =>
  `### ${step.name}\n\n${step.description}\n\n<details><summary>Inputs and outputs</summary>\n\n${inputTable(step)}\n${outputTable(step)}\n</details>\n`

const codeBlock = (language: string, text: string): string => `\`\`\`${language}\n${text.trimEnd()}\n\`\`\`\n`

/** An example's text, without the comment that says what its file is. */
const exampleBlock = (text: string): string => codeBlock('yaml', text.replace(/^(?:#.*\n)+/, ''))

/** The house's README with its tables and examples filled in. */
export const fillReadme = (
  text: string,
  steps: readonly Step[],
  examples: { readonly github: string; readonly gitlab: string },
): string =>
  fillMarkers(text, {
    steps: steps.map(stepSection).join('\n'),
    'example:github': exampleBlock(examples.github),
    'example:gitlab': exampleBlock(examples.gitlab),
    ...Object.fromEntries(
      steps.flatMap((step) => [
        [`inputs:${step.name}`, inputTable(step)],
        [`outputs:${step.name}`, outputTable(step)],
      ]),
    ),
  })

const newStepReadme = (step: Step): string => `# @polyarch/${step.name}

${step.description}

One step of [Polyarch](https://github.com/polyarch/polyarch#readme), in four spellings with the same inputs:

| where | how |
|---|---|
| GitHub | \`uses: polyarch/polyarch/actions/${step.name}@v1\` |
| GitLab | \`component: $CI_SERVER_FQDN/polyarch/polyarch/${step.name}@1\` |
| command line | \`npx @polyarch/${step.name}\`, or \`polyarch ${step.name}\` of @polyarch/cli |
| code | \`import { step } from '@polyarch/${step.name}'\` |

## Inputs

<!-- inputs:${step.name} -->
<!-- /inputs:${step.name} -->

## Outputs

<!-- outputs:${step.name} -->
<!-- /outputs:${step.name} -->
`

/** The README of a step's package; what a person wrote into it stays. */
export const fillStepReadme = (text: string | undefined, step: Step): string =>
  fillMarkers(text ?? newStepReadme(step), {
    [`inputs:${step.name}`]: inputTable(step),
    [`outputs:${step.name}`]: outputTable(step),
  })
