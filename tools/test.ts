// npm test [-- FILTER…]: every tier against real parts; says what was skipped and why, and ends with the counts.
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Lack, lackLogVariable, reasonMissing } from '@polyarch/parts'
import { createVitest, parseCLI, type TestCase, type TestModule } from 'vitest/node'
import { buildBundles } from './bundles.ts'
import { root } from './command.ts'
import { formatCounts, summarise, type TestOutcome } from './summary.ts'

const outcomeOf = (test: TestCase): TestOutcome => {
  const lines: number[] = []
  for (let task: TestCase | TestCase['parent'] = test; task.type !== 'module'; task = task.parent)
    lines.push(task.location?.line ?? 0)
  return { file: test.module.moduleId, name: test.fullName, state: test.result().state, lines }
}

/** The tests of a file; a file that cannot be loaded has none and counts as one that failed. */
const outcomesOf = (module: TestModule): TestOutcome[] => {
  const tests = [...module.children.allTests()].map(outcomeOf)
  if (module.state() !== 'failed' || tests.some(({ state }) => state === 'failed')) return tests
  return [...tests, { file: module.moduleId, name: 'the file itself', state: 'failed', lines: [] }]
}

const readLacks = (log: string): Lack[] =>
  readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Lack)

const { filter, options } = parseCLI(['vitest', 'run', ...process.argv.slice(2)])
const logDirectory = mkdtempSync(join(tmpdir(), 'polyarch-lacks-'))
const log = join(logDirectory, 'log')
appendFileSync(log, '')
process.env[lackLogVariable] = log

const vitest = await createVitest('test', { ...options, root, run: true, watch: false, includeTaskLocation: true })
const specifications = await vitest.globTestSpecifications(filter)

// The end-to-end tests run what users run: the bundles. Where they do not build, all other tests still tell something.
let broken = 0
if (specifications.some(({ moduleId }) => moduleId.startsWith(join(root, 'e2e')))) {
  console.log('building the bundles that the end-to-end tests run')
  const { code, output } = await buildBundles({})
  if (code !== 0) {
    console.log(output)
    broken += 1
  }
}

let summary = summarise([], [])
if (specifications.length === 0) console.log(`no test file matches ${filter.join(' ') || 'at all'}`)
else {
  const { testModules, unhandledErrors } = await vitest.start(filter)
  broken += unhandledErrors.length
  summary = summarise(testModules.flatMap(outcomesOf), readLacks(log))
}
await vitest.close()
rmSync(logDirectory, { recursive: true, force: true })

for (const [part, count] of summary.lacking) console.log(`skipped ${count} for want of ${part}: ${reasonMissing(part)}`)
for (const name of summary.unexplained) console.log(`skipped without naming a part: ${name.replace(`${root}/`, '')}`)
if (broken > 0) console.log(`failures outside of any test: ${broken}`)
const { passed, failed, skipped } = { ...summary, failed: summary.failed + broken }
console.log(formatCounts({ passed, failed, skipped }))
process.exit(failed > 0 || passed === 0 ? 1 : 0)
