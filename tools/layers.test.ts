// The house keeps its layers and furniture, and the check that says so fails where one is broken.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { temporaryDirectory } from '@polyarch/parts'
import { describe, expect, it } from 'vitest'
import { root } from './command.ts'
import { findBreaches } from './layers.ts'

const manifest = (name: string, entry: string, dependencies: readonly string[], bundled = false): string =>
  JSON.stringify({
    name: `@polyarch/${name}`,
    exports: { '.': { '@polyarch/source': entry } },
    dependencies: Object.fromEntries(dependencies.map((dependency) => [dependency, '1.0.0'])),
    ...(bundled ? { nx: { targets: { bundle: { outputs: [`{workspaceRoot}/actions/${name}/dist`] } } } } : {}),
  })

const references = (...names: string[]): string =>
  JSON.stringify({ references: names.map((name) => ({ path: `../${name}` })) })

const think = (what: string): string => `// ${what}.\nexport const ${what} = 1\n`

/** The smallest house in which every rule has something to hold. */
const soundHouse: Readonly<Record<string, string>> = {
  'package.json': '{ "name": "house", "devDependencies": { "vitest": "1.0.0" } }',
  'packages/oci/package.json': manifest('oci', './src/index.ts', []),
  'packages/oci/tsconfig.json': references(),
  'packages/oci/src/index.ts': think('oci'),
  'packages/oci/src/index.test.ts': "// Counts.\nimport { it } from 'vitest'\nit('counts', () => {})\n",
  'packages/ci-host/package.json': manifest('ci-host', './src/index.ts', ['execa']),
  'packages/ci-host/tsconfig.json': references(),
  'packages/ci-host/src/index.ts': "// The host.\nexport { execa } from 'execa'\nexport const env = process.env\n",
  'packages/report/package.json': manifest('report', './src/step.ts', ['@polyarch/oci'], true),
  'packages/report/tsconfig.json': references('oci'),
  ...Object.fromEntries(
    ['inputs', 'outputs', 'plan', 'report', 'step', 'main'].map((name) => [
      `packages/report/src/${name}.ts`,
      think(name),
    ]),
  ),
  'packages/report/src/run.ts':
    "// Does it.\nimport { rm } from 'node:fs/promises'\nimport type { oci } from '@polyarch/oci'\nexport const run = (_: typeof oci) => rm\n",
}

const breachesOf = async (changes: Readonly<Record<string, string | undefined>>): Promise<string[]> => {
  await using directory = await temporaryDirectory()
  for (const [name, content] of Object.entries({ ...soundHouse, ...changes })) {
    if (content === undefined) continue
    await mkdir(dirname(join(directory.path, name)), { recursive: true })
    await writeFile(join(directory.path, name), content)
  }
  return findBreaches(directory.path)
}

describe('the house', () => {
  it('keeps its own rules', () => {
    expect(findBreaches(root)).toEqual([])
  })

  it('tells nx where the bundle of the command line is written', async () => {
    const { outputs } = JSON.parse(await readFile(join(root, 'packages/cli/package.json'), 'utf8')).nx.targets.bundle
    expect(outputs).toEqual(['{projectRoot}/dist'])
  })
})

describe('the check of the rules', () => {
  it('finds nothing in a sound house', async () => {
    expect(await breachesOf({})).toEqual([])
  })

  it.each([
    {
      rule: 'a package imports from below only',
      file: 'packages/oci/src/index.ts',
      content: "// Up.\nimport '@polyarch/ci-host'\n",
      breach: 'packages/oci/src/index.ts: imports ci-host, which is not below oci',
    },
    {
      rule: 'types count for the direction',
      file: 'packages/oci/src/index.ts',
      content: "// Up.\nexport type A = import('@polyarch/ci-host').A\n",
      breach: 'packages/oci/src/index.ts: imports ci-host, which is not below oci',
    },
    {
      rule: 'dynamic imports count for the direction',
      file: 'packages/oci/src/index.ts',
      content: "// Up.\nexport const load = () => import('@polyarch/ci-host')\n",
      breach: 'packages/oci/src/index.ts: imports ci-host, which is not below oci',
    },
    {
      rule: 'a step imports no step',
      file: 'packages/report/src/step.ts',
      content: "// Next door.\nexport * from '@polyarch/push-digest'\n",
      breach: 'packages/report/src/step.ts: is a step and imports the step push-digest',
    },
    {
      rule: 'a relative import stays in its package',
      file: 'packages/report/src/step.ts',
      content: "// Round the back.\nexport * from '../../oci/src/index.ts'\n",
      breach: 'packages/report/src/step.ts: imports ../../oci/src/index.ts, out of its own package',
    },
    {
      rule: 'only ci-host starts programs',
      file: 'packages/report/src/run.ts',
      content:
        "// Starts.\nimport type { oci } from '@polyarch/oci'\nimport 'node:child_process'\nexport type A = typeof oci\n",
      breach: 'packages/report/src/run.ts: imports node:child_process: only ci-host may',
    },
    {
      rule: 'only ci-host reads the environment',
      file: 'packages/report/src/plan.ts',
      content: "// Looks.\nexport const home = process.env['HOME']\n",
      breach: 'packages/report/src/plan.ts: uses process.env: only ci-host may',
    },
    {
      rule: 'a name in brackets is the same name',
      file: 'packages/report/src/plan.ts',
      content: "// Looks.\nexport const home = process['exit']\n",
      breach: 'packages/report/src/plan.ts: uses process.exit: only ci-host may',
    },
    {
      rule: 'the values do no IO',
      file: 'packages/oci/src/index.ts',
      content: "// Reads.\nimport 'node:fs'\n",
      breach: 'packages/oci/src/index.ts: imports node:fs: oci does no IO',
    },
    {
      rule: 'a plan only thinks, also through what it imports',
      file: 'packages/report/src/plan.ts',
      content: "// Not only thinking.\nexport { run } from './run.ts'\n",
      breach: 'packages/report/src/plan.ts: only thinks, but reaches IO: plan.ts -> run.ts -> node:fs/promises',
    },
    {
      rule: 'a step has all its furniture',
      file: 'packages/report/src/outputs.ts',
      content: undefined,
      breach: 'packages/report/src/outputs.ts: is missing: every step has one',
    },
    {
      rule: 'a file begins with a comment',
      file: 'packages/oci/src/index.ts',
      content: 'export const oci = 1\n',
      breach: 'packages/oci/src/index.ts: does not begin with a comment that says what lives in it',
    },
    {
      rule: 'a test begins with a comment too',
      file: 'packages/oci/src/index.test.ts',
      content: "import { it } from 'vitest'\nit('counts', () => {})\n",
      breach: 'packages/oci/src/index.test.ts: does not begin with a comment that says what lives in it',
    },
    {
      rule: 'what is for a linter is no such comment',
      file: 'packages/oci/src/index.ts',
      content: '// biome-ignore-all lint/style/noVar: why not\nexport const oci = 1\n',
      breach: 'packages/oci/src/index.ts: does not begin with a comment that says what lives in it',
    },
    {
      rule: 'a file has a name that says something',
      file: 'packages/oci/src/utils.ts',
      content: think('things'),
      breach: 'packages/oci/src/utils.ts: has a name that says nothing',
    },
    {
      rule: 'what is for tests is not published',
      file: 'packages/oci/src/testing/scene.ts',
      content: think('scene'),
      breach: 'packages/oci/tsconfig.json: does not exclude src/testing',
    },
    {
      rule: 'what is for tests is used by tests only',
      file: 'packages/oci/src/index.ts',
      content: "// Cheats.\nexport * from './index.test.ts'\n",
      breach: 'packages/oci/src/index.ts: imports ./index.test.ts, which is for tests',
    },
    {
      rule: 'an import can be followed',
      file: 'packages/oci/src/index.ts',
      content: '// Anything.\nexport const load = (name: string) => import(name)\n',
      breach: 'packages/oci/src/index.ts: imports what only its run shows',
    },
    {
      rule: 'what is imported is declared',
      file: 'packages/oci/src/index.ts',
      content: "// Reads.\nimport 'yaml/dist/x'\n",
      breach: 'packages/oci/package.json: does not depend on yaml, which its code imports',
    },
    {
      rule: 'what tests import is declared',
      file: 'packages/oci/src/index.test.ts',
      content: "import 'nock'\n",
      breach: 'packages/oci/package.json: does not depend on nock, which its tests import',
    },
    {
      rule: 'what is declared is imported',
      file: 'packages/report/package.json',
      content: manifest('report', './src/step.ts', ['@polyarch/oci', 'yaml'], true),
      breach: 'packages/report/package.json: depends on yaml, which its code does not import',
    },
    {
      rule: 'TypeScript refers to what is imported',
      file: 'packages/report/tsconfig.json',
      content: references(),
      breach: 'packages/report/tsconfig.json: does not refer to ../oci',
    },
    {
      rule: 'TypeScript refers to nothing else',
      file: 'packages/oci/tsconfig.json',
      content: references('report'),
      breach: 'packages/oci/tsconfig.json: refers to ../report without need',
    },
    {
      rule: 'a step is what its package exports',
      file: 'packages/report/package.json',
      content: manifest('report', './src/index.ts', ['@polyarch/oci'], true),
      breach: 'packages/report/package.json: does not export ./src/step.ts',
    },
    {
      rule: 'nx knows where a bundle is written',
      file: 'packages/report/package.json',
      content: manifest('report', './src/step.ts', ['@polyarch/oci']),
      breach:
        'packages/report/package.json: does not name {workspaceRoot}/actions/report/dist as what its bundle writes',
    },
  ])('$rule', async ({ file, content, breach }) => {
    expect(await breachesOf({ [file]: content })).toContain(breach)
  })

  it('wants a floor for every package', async () => {
    const breaches = await breachesOf({
      'packages/attic/package.json': manifest('attic', './src/index.ts', []),
      'packages/attic/tsconfig.json': references(),
      'packages/attic/src/index.ts': think('attic'),
    })
    expect(breaches).toEqual(['packages/attic: stands on no floor: add it to the floors of tools/layers.ts'])
  })
})
