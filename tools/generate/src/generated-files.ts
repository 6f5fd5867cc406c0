// All generated files of the repository, as they should be.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Step } from '@polyarch/ci-host'
import { BuildConfig, PolyarchConfig } from '@polyarch/detect-arch'
import { documentSchemas } from '@polyarch/documents'
import { formatAction } from './action.ts'
import { formatComponent } from './component.ts'
import { fillEngines } from './engines.ts'
import { formatJsonSchema, schemaFile } from './json-schema.ts'
import { fillReadme, fillStepReadme } from './readme.ts'
import { formatRegistries } from './registries-page.ts'

/** The text of a file, or undefined where there is none. */
const readText = async (file: string): Promise<string | undefined> => {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

const stepFiles = async (root: string, step: Step, version: string): Promise<[string, string][]> => {
  const job = await readFile(join(root, 'tools/generate/jobs', `${step.name}.job.yml`), 'utf8')
  const readme = `packages/${step.name}/README.md`
  return [
    [`actions/${step.name}/action.yml`, formatAction(step)],
    [`templates/${step.name}.yml`, formatComponent(step, job, version)],
    [readme, fillStepReadme(await readText(join(root, readme)), step)],
  ]
}

/** Path to content of every generated file, paths relative to the root. */
export const generateFiles = async (root: string, steps: readonly Step[]): Promise<Map<string, string>> => {
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string }
  const schemas = Object.entries({ polyarch: PolyarchConfig, 'build-config': BuildConfig, ...documentSchemas }).map(
    ([name, schema]): [string, string] => [`schemas/${schemaFile(name)}`, formatJsonSchema(name, schema)],
  )
  const github = await readFile(join(root, 'examples/github/polyarch.yml'), 'utf8')
  const gitlab = await readFile(join(root, 'examples/gitlab/.gitlab-ci.yml'), 'utf8')
  const readme = fillReadme(await readFile(join(root, 'README.md'), 'utf8'), steps, { github, gitlab })
  const engines = fillEngines(await readFile(join(root, 'docs/engines.md'), 'utf8'))
  const ofSteps = await Promise.all(steps.map((step) => stepFiles(root, step, version)))
  return new Map([
    ...ofSteps.flat(),
    ...schemas,
    ['README.md', readme],
    ['docs/engines.md', engines],
    ['docs/registries.md', formatRegistries()],
  ])
}

/** The generated files that are not as they should be. */
export const findDrift = async (root: string, files: ReadonlyMap<string, string>): Promise<string[]> => {
  const drifted = await Promise.all(
    [...files].map(async ([path, content]) => ((await readText(join(root, path))) === content ? [] : [path])),
  )
  return drifted.flat().sort()
}
