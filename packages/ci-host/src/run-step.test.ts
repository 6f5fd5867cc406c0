// A step as a process of its own on each host: flags, outputs, exit codes, secrets, cancellation.
import { execFile, spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'

const fixture = join(import.meta.dirname, 'fixtures/greet.ts')
const command = ['--conditions=@polyarch/source', fixture]
const plainEnvironment = { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' }

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the greet step as a process of its own, with nothing of this one's environment. */
const greet = (env: Record<string, string>, args: string[] = [], directory?: string): Promise<Ended> =>
  new Promise((resolve) => {
    const options = { env: { ...plainEnvironment, ...env }, ...(directory === undefined ? {} : { cwd: directory }) }
    execFile(process.execPath, [...command, ...args], options, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr }),
    )
  })

describe('a step on a terminal', () => {
  test('prints its outputs as one JSON object on stdout, and logs to stderr only', async () => {
    const { code, stdout, stderr } = await greet({}, ['--name', 'Ada', '--titles', 'a', '--titles', 'b,c', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ greeting: 'Hello, Ada', 'title-list': ['a', 'b', 'c'] })
    expect(stderr).toContain('Hello, Ada')
  })

  test('prints nothing on stdout without --json', async () => {
    expect((await greet({}, ['--name', 'Ada'])).stdout).toBe('')
  })

  test.each(['--help', '-h'])('says with %s what it does and which flags it takes, and does nothing', async (flag) => {
    const { code, stdout, stderr } = await greet({}, [flag])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('greet: Greets somebody.\n\n  --name: Who is greeted; required\n')
    expect(stdout).toContain('  --loud: Whether to shout; default: false\n')
  })

  test('takes flags with one hyphen, as Go’s programs do', async () => {
    expect((await greet({}, ['-name', 'Ada', '-titles=a', '--json'])).stdout).toContain('Hello, Ada')
    expect(await greet({}, ['-nam', 'Ada'])).toMatchObject({ code: 2 })
  })

  test('takes a flag before the environment, in both spellings of the variable', async () => {
    const flags = ['--name', 'Flag', '--loud', '--json']
    expect((await greet({ INPUT_NAME: 'Env' }, flags)).stdout).toContain('Hello, FLAG')
    expect((await greet({ INPUT_NAME: 'Env', INPUT_LOUD: 'true' }, ['--json', '--no-loud'])).stdout).toContain(
      'Hello, Env',
    )
    for (const name of ['INPUT_REGISTRY-AUTH', 'INPUT_REGISTRY_AUTH'])
      expect((await greet({ INPUT_NAME: 'x', [name]: 'host=ada:lovelace' })).stderr).toContain('login host ***')
  })

  test.each([
    ['an unknown flag', ['--name', 'Ada', '--colour', 'red'], "Unknown option '--colour'"],
    ['a required input', [], 'input name is required: Who is greeted'],
    ['a boolean in the environment', ['--name', 'Ada'], 'input loud: expected true or false, found "yes"'],
  ])('ends with 2 and one line about %s', async (_what, args, message) => {
    const { code, stderr } = await greet({ INPUT_LOUD: 'yes' }, args)
    expect(code).toBe(2)
    expect(stderr).toContain(message)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  test.each([
    ['input', 2],
    ['preflight', 3],
    ['build', 4],
    ['registry', 5],
    ['denied', 6],
    ['denied-store', 6],
    ['verification', 7],
    ['policy', 8],
    ['bug', 1],
  ])('a failure of kind %s ends with %i', async (kind, expected) => {
    expect((await greet({ INPUT_NAME: 'Ada', INPUT_FAIL: kind })).code).toBe(expected)
  })

  test('shows a user no stack, but does with --debug', async () => {
    const quiet = await greet({ INPUT_NAME: 'Ada', INPUT_FAIL: 'input' })
    expect(quiet.stderr).toContain('error: polyarch.yaml:12:5: expected a greeting')
    expect(quiet.stderr).not.toContain('greet.ts')
    for (const [env, args] of [
      [{}, ['--debug']],
      [{ POLYARCH_DEBUG: '1' }, []],
    ] as const) {
      const loud = await greet({ INPUT_NAME: 'Ada', INPUT_FAIL: 'input', ...env }, [...args])
      expect(loud.stderr).toContain('greet.ts')
      expect(loud.stderr).toContain('a debug line')
    }
  })

  test('names every cause of an unexpected error', async () => {
    const { stderr } = await greet({ INPUT_NAME: 'Ada', INPUT_FAIL: 'bug' })
    expect(stderr).toContain('unexpected TypeError: no such thing')
    expect(stderr).toContain('caused by Error: the disk is gone')
    expect(stderr).not.toContain('greet.ts')
  })

  test('keeps secrets out of the log: whole, their lines, and the parts of a login', async () => {
    const env = {
      INPUT_NAME: 'Ada',
      INPUT_TOKEN: 'first-line\nsecond-line',
      'INPUT_REGISTRY-AUTH': 'host=ada:l0velace',
    }
    const { stderr } = await greet(env)
    expect(stderr).toContain('token ***')
    for (const secret of ['first-line', 'second-line', 'l0velace']) expect(stderr).not.toContain(secret)
  })

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('%s ends what it runs and then itself, as cancelled', async (signal, expected) => {
    const child = spawn(process.execPath, [...command, '--name', 'Ada', '--wait'], { env: plainEnvironment })
    const log: string[] = []
    const closed = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
    for await (const line of createInterface({ input: child.stderr })) {
      log.push(line)
      if (line === 'waiting') child.kill(signal)
    }
    expect(await closed).toBe(expected)
    expect(log.at(-1)).toContain(`cancelled by ${signal}`)
  })
})

describe('a step on GitHub', () => {
  const open = async () => {
    const temporary = await temporaryDirectory()
    const output = join(temporary.path, 'output')
    const summary = join(temporary.path, 'summary')
    await Promise.all([output, summary].map((file) => writeFile(file, '')))
    return {
      output: () => readFile(output, 'utf8'),
      summary: () => readFile(summary, 'utf8'),
      env: { GITHUB_ACTIONS: 'true', GITHUB_OUTPUT: output, GITHUB_STEP_SUMMARY: summary, INPUT_NAME: 'Ada' },
      [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose](),
    }
  }

  test('writes outputs and the summary to their files', async () => {
    await using runner = await open()
    expect((await greet({ ...runner.env, INPUT_TITLES: 'a\nb', INPUT_TOKEN: '' })).code).toBe(0)
    const outputs = await runner.output()
    expect(outputs).toMatch(/^greeting<<(\S+)\nHello, Ada\n\1$/m)
    expect(outputs).toMatch(/^title-list<<(\S+)\n\["a","b"\]\n\1$/m)
    expect(outputs).not.toContain('nothing')
    expect(await runner.summary()).toContain('## Hello, Ada')
  })

  test('tells the runner of every secret before the first line that could show it', async () => {
    await using runner = await open()
    const login = { 'INPUT_REGISTRY-AUTH': 'host=ada:l0velace' }
    const { stderr } = await greet({ ...runner.env, ...login, INPUT_TOKEN: 'one\ntwo' })
    const lines = stderr.split('\n')
    const commands = lines.filter((line) => line.startsWith('::add-mask::'))
    expect(commands).toContain('::add-mask::l0velace')
    expect(commands).toContain('::add-mask::one%0Atwo')
    expect(commands).toContain('::add-mask::two')
    expect(lines.indexOf('token ***')).toBeGreaterThanOrEqual(commands.length)
  })

  test('obeys no command that stands in the log', async () => {
    await using runner = await open()
    const { stderr } = await greet(runner.env)
    expect(stderr).toContain(': :set-output name=greeting::forged')
    expect(stderr).not.toMatch(/^::set-output/m)
  })

  test('folds a group and annotates the place of a failure', async () => {
    await using runner = await open()
    expect((await greet(runner.env)).stderr).toContain('::group::Greeting\nHello, Ada\n::endgroup::\n')
    const failed = await greet({ ...runner.env, INPUT_FAIL: 'input' })
    expect(failed.stderr).toContain('::error file=polyarch.yaml,line=12,col=5::expected a greeting')
    expect(await runner.output()).not.toContain('input')
  })
})

describe('a step on GitLab', () => {
  const env = { GITLAB_CI: 'true', INPUT_NAME: 'Ada', INPUT_TITLES: 'a,b' }

  test('writes a dotenv report, with documents in files that it names', async () => {
    await using job = await temporaryDirectory()
    expect((await greet(env, [], job.path)).code).toBe(0)
    expect(await readFile(join(job.path, '.polyarch/greet.env'), 'utf8')).toBe(
      'GREETING=Hello, Ada\nTITLE_LIST=.polyarch/greet.title-list.json\n',
    )
    expect(await readFile(join(job.path, '.polyarch/greet.title-list.json'), 'utf8')).toBe('["a","b"]')
  })

  test('writes the report where POLYARCH_DOTENV says', async () => {
    await using job = await temporaryDirectory()
    await greet({ ...env, POLYARCH_DOTENV: 'reports/build.env' }, [], job.path)
    expect(await readFile(join(job.path, 'reports/build.env'), 'utf8')).toContain('GREETING=Hello, Ada')
  })

  test('folds a group as a section', async () => {
    await using job = await temporaryDirectory()
    const { stderr } = await greet(env, [], job.path)
    expect(stderr).toMatch(
      /section_start:\d+:(polyarch_\w+)\[collapsed=true\]\r\S*Greeting\nHello, Ada\n.*section_end:\d+:\1/,
    )
  })
})
