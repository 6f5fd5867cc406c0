// detect-arch as a process of its own: what people and forges see of it.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryWorkspace, type Workspace } from './fixtures/workspace.ts'

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the bundle's entry as a process of its own. */
const run = (
  { path }: Workspace,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> =>
  new Promise((resolve) => {
    const command = ['--conditions=@polyarch/source', join(import.meta.dirname, 'main.ts'), ...args]
    const options = { cwd: path, env: { PATH: process.env['PATH'] ?? '', ...env } }
    execFile(process.execPath, command, options, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr }),
    )
  })

describe('the program', () => {
  test('prints the plan as a table for people, and as JSON for machines', async () => {
    await using workspace = await temporaryWorkspace({
      'polyarch.yaml': 'version: 1\nimages:\n  web: { platforms: [linux/amd64, linux/arm64], tags: [latest] }\n',
      Dockerfile: 'FROM scratch\n',
    })
    const { code, stdout, stderr } = await run(workspace, ['--json'], { GITHUB_ACTIONS: 'true' })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ empty: false, plan: { schema: 'polyarch.plan/v1' } })
    expect(stderr).toMatch(
      /image\s+platform\s+engine\s+runner\s+tags\s+why\nweb\s+linux\/amd64\s+kaniko\s+ubuntu-24\.04\s+latest/,
    )
  })

  test('tells every mistake of a config where GitHub shows it: in the file, at its line', async () => {
    await using workspace = await temporaryWorkspace({
      'polyarch.yaml': 'version: 1\nimages:\n  web:\n    contxt: x\n    platforms: [linux/amd46]\n',
    })
    const { code, stdout, stderr } = await run(workspace, [], { GITHUB_ACTIONS: 'true' })
    expect(code).toBe(2)
    const commands = `${stdout}${stderr}`.split('\n').filter((line) => line.startsWith('::error'))
    expect(commands).toEqual([
      expect.stringMatching(/^::error .*file=polyarch\.yaml,line=4,col=5.*::unknown key "contxt"/),
      expect.stringMatching(/^::error .*file=polyarch\.yaml,line=5,col=17.*::unknown platform/),
    ])
  })

  test('reports the machine where there is nothing to plan', async () => {
    await using workspace = await temporaryWorkspace()
    const { code, stderr } = await run(workspace, [])
    expect(code).toBe(0)
    expect(stderr).toMatch(/nothing to plan.*\nplatform\s+runs\s+runner\n\w+\/\w+\s+natively/)
  })
})
