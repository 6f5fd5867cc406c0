// npm run check: format, lint, types, unused code, generated files, fresh bundles and packages; one line for each.
import { join } from 'node:path'
import { buildBundles, describeBundles, listPackages } from './bundles.ts'
import { type CommandResult, runCommand } from './command.ts'

interface Check {
  readonly name: string
  readonly run: () => Promise<CommandResult>
}

const command = (name: string, ...words: string[]): Check => ({ name, run: () => runCommand(words) })

/** Bundles without what nx has in its cache: that proves nothing about the sources. */
const bundleAfresh = async (): Promise<CommandResult> => {
  const result = await buildBundles({ fresh: true })
  return result.code === 0 ? { code: 0, output: (await describeBundles()).join('\n') } : result
}

/** What each package would publish is whole and can be imported. */
const checkPackages = async (): Promise<CommandResult> => {
  const results: CommandResult[] = []
  for (const name of await listPackages())
    results.push(await runCommand(['publint', 'run', join('packages', name), '--strict']))
  const failed = results.filter(({ code }) => code !== 0)
  return { code: failed.length === 0 ? 0 : 1, output: failed.map(({ output }) => output).join('\n') }
}

const generator = join('tools', 'generate', 'src', 'main.ts')
const checks: readonly Check[] = [
  command('format and lint', 'biome', 'ci', '--error-on-warnings', '--colors=off', '.'),
  command('lint by types', 'oxlint', '--type-aware', '--deny-warnings'),
  command('types', 'tsc', '-p', '.'),
  command('unused code', 'knip', '--no-progress'),
  command('generated files', 'node', '--conditions=@polyarch/source', generator, '--check'),
  { name: 'fresh bundles', run: bundleAfresh },
  { name: 'packages', run: checkPackages },
]

let failures = 0
for (const { name, run } of checks) {
  const started = Date.now()
  const { code, output } = await run()
  const seconds = ((Date.now() - started) / 1000).toFixed(1)
  console.log(`${name.padEnd(16)} ${code === 0 ? 'ok' : 'failed'} (${seconds} s)`)
  if (code !== 0) {
    failures += 1
    console.log(output.trimEnd())
  }
}
process.exitCode = failures === 0 ? 0 : 1
