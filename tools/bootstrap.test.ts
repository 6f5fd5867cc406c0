// The bootstrap gets the dependencies once per lockfile and is transparent for arguments, exit codes and signals.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type TemporaryDirectory, temporaryDirectory } from '@polyarch/parts'
import { describe, expect, it } from 'vitest'
import { root } from './command.ts'

/** A fake pnpm: notes each installation, and brings as Node 24 the Node that runs the tests. */
const fakePnpm = (log: string): string => `#!/bin/sh
[ "$1" = --version ] && echo 10.34.8 && exit
echo "$*" >> ${log}
[ -e refuse ] && echo 'the lockfile is out of date' >&2 && exit 1
mkdir -p node_modules/node/bin && ln -sf ${process.execPath} node_modules/node/bin/node
`

const tool = `
if (process.argv[2] === 'wait') {
  process.on('SIGTERM', () => process.exit(7))
  setTimeout(() => {}, 60_000)
  console.log('waiting')
} else {
  console.log(JSON.stringify({ args: process.argv.slice(2), conditions: process.execArgv }))
  process.exitCode = 3
}
`

/** A workspace with nothing but the bootstrap and one tool. */
const makeWorkspace = async (): Promise<TemporaryDirectory & { readonly log: string }> => {
  const directory = await temporaryDirectory()
  const log = join(directory.path, 'pnpm.log')
  const files: Readonly<Record<string, string>> = {
    'package.json': '{ "packageManager": "pnpm@10.34.8" }',
    'pnpm-lock.yaml': 'lockfileVersion: 9\n',
    'pnpm-workspace.yaml': 'packages: []\n',
    'packages/one/package.json': '{}',
    'tools/tool.ts': tool,
    'programs/pnpm': fakePnpm(log),
    'pnpm.log': '',
  }
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory.path, name)), { recursive: true })
    await writeFile(join(directory.path, name), content, { mode: 0o755 })
  }
  await cp(join(root, 'tools', 'bootstrap.mjs'), join(directory.path, 'tools', 'bootstrap.mjs'))
  return { ...directory, log }
}

const invocation = (workspace: TemporaryDirectory, ...args: string[]) => {
  const env = { ...process.env, PATH: `${join(workspace.path, 'programs')}:${process.env['PATH']}` }
  Reflect.deleteProperty(env, 'POLYARCH_CACHE')
  return [
    process.execPath,
    [join(workspace.path, 'tools', 'bootstrap.mjs'), 'tools/tool.ts', ...args],
    { env },
  ] as const
}

const runTool = (workspace: TemporaryDirectory, ...args: string[]) => {
  const [program, words, options] = invocation(workspace, ...args)
  return spawnSync(program, words, { ...options, encoding: 'utf8' })
}

describe('the bootstrap', () => {
  it('hands on arguments and the exit code, and lets the tool import sources', async () => {
    await using workspace = await makeWorkspace()
    const { status, stdout } = runTool(workspace, 'one', '--two')
    expect(JSON.parse(stdout)).toEqual({ args: ['one', '--two'], conditions: ['--conditions=@polyarch/source'] })
    expect(status).toBe(3)
  })

  it('installs by the lockfile alone, and again only when a manifest or the lockfile changed', async () => {
    await using workspace = await makeWorkspace()
    const installations = async () => (await readFile(workspace.log, 'utf8')).trim().split('\n')
    runTool(workspace)
    runTool(workspace)
    expect(await installations()).toEqual(['install --frozen-lockfile --loglevel=error'])
    await writeFile(join(workspace.path, 'packages', 'one', 'package.json'), '{ "name": "one" }')
    runTool(workspace)
    expect(await installations()).toHaveLength(2)
  })

  it('shows why an installation failed, and tries again the next time', async () => {
    await using workspace = await makeWorkspace()
    await writeFile(join(workspace.path, 'refuse'), '')
    const { status, stderr } = runTool(workspace)
    expect(stderr).toContain('pnpm install failed:\nthe lockfile is out of date')
    expect(status).toBe(1)
    expect(runTool(workspace).status).toBe(1)
  })

  it('hands on a signal and ends as the tool ends', async () => {
    await using workspace = await makeWorkspace()
    const [program, words, options] = invocation(workspace, 'wait')
    const child = spawn(program, words, { ...options, stdio: ['ignore', 'pipe', 'ignore'] })
    const ended = once(child, 'exit')
    await once(child.stdout, 'data')
    child.kill('SIGTERM')
    expect(await ended).toEqual([7, null])
  })
})
