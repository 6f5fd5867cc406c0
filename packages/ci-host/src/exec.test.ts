// Real programs as a step starts them: their ends, their output, their environment and the end of the job.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '@polyarch/oci'
import { temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { createExec } from './exec.ts'
import { createMasks } from './masks.ts'

const open = (options: Partial<Parameters<typeof createExec>[0]> = {}) =>
  createExec({
    env: { PATH: process.env['PATH'] },
    directory: process.cwd(),
    masks: createMasks(),
    signal: new AbortController().signal,
    ...options,
  })

const shell = (script: string) => ({ file: 'sh', args: ['-c', script] })

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('exec', () => {
  test('gives the exit code and both streams; a non-zero exit is a result', async () => {
    expect(await open()(shell('echo out; echo err >&2; exit 3'))).toEqual({ code: 3, stdout: 'out\n', stderr: 'err\n' })
  })

  test('passes arguments as they are: no shell reads them', async () => {
    const args = ['a b', '$HOME', '`id`', '; echo pwned', '*']
    const { stdout } = await open()({ file: 'printf', args: ['%s\\n', ...args] })
    expect(stdout).toBe(`${args.join('\n')}\n`)
  })

  test('hands on input, and without it an empty stdin', async () => {
    expect((await open()({ file: 'cat', args: [], input: 'hello' })).stdout).toBe('hello')
    expect((await open()({ file: 'cat', args: [] })).stdout).toBe('')
  })

  test('gives 128 + the number of the signal that ended the program', async () => {
    expect((await open()(shell('kill -KILL $$'))).code).toBe(137)
  })

  test('calls a missing program a mistake of the user, and names it', async () => {
    await expect(open()({ file: 'no-such-program', args: [] })).rejects.toSatisfy(
      (error) => error instanceof Failure && error.kind === 'input' && error.message.includes('no-such-program'),
    )
  })

  test('keeps inputs and credentials of the job from the program, but nothing else', async () => {
    const env = {
      PATH: process.env['PATH'],
      HOME: '/home/ada',
      'INPUT_REGISTRY-AUTH': 'x',
      GITHUB_TOKEN: 'x',
      CI_JOB_TOKEN: 'x',
      CI_REGISTRY_PASSWORD: 'x',
      CI_REPOSITORY_URL: 'https://gitlab-ci-token:x@host/p.git',
      AWS_SECRET_ACCESS_KEY: 'x',
      DOCKER_AUTH_CONFIG: 'x',
      SSH_AUTH_SOCK: '/run/agent',
      DOCKER_CONFIG: '/home/ada/.docker',
    }
    const { stdout } = await open({ env })({ file: 'env', args: [] })
    const names = stdout
      .trim()
      .split('\n')
      .map((line) => line.slice(0, line.indexOf('=')))
    expect(names.sort()).toEqual(['DOCKER_CONFIG', 'HOME', 'PATH', 'SSH_AUTH_SOCK'])
  })

  test('takes the environment that it is given as the whole one', async () => {
    expect((await open()({ file: '/usr/bin/env', args: [], env: { GITHUB_TOKEN: 'asked-for' } })).stdout).toBe(
      'GITHUB_TOKEN=asked-for\n',
    )
  })

  test('shows each line masked, also where it comes in pieces, and the last one without a newline', async () => {
    const masks = createMasks()
    masks.add('s3cret')
    const lines: string[] = []
    const script = 'printf "a s3c"; sleep 0.1; printf "ret\\r\\nb"; printf c >&2'
    await open({ masks })({ ...shell(script), onLine: (line, stream) => lines.push(`${stream} ${line}`) })
    expect(lines.sort()).toEqual(['stderr c', 'stdout a ***', 'stdout b'])
  })

  test('keeps the last 4 MiB of a stream', async () => {
    const { stdout } = await open()(shell('head -c 12000000 /dev/zero | tr "\\0" x; echo END'))
    expect(stdout).toHaveLength(4 * 1024 * 1024)
    expect(stdout.endsWith('END\n')).toBe(true)
  })
})

describe('an aborted program', () => {
  test('ends with all that it started', async () => {
    await using directory = await temporaryDirectory()
    const pidFile = join(directory.path, 'pid')
    const controller = new AbortController()
    const { code } = await open({ directory: directory.path })({
      ...shell(`sleep 60 & echo $! > ${pidFile}; echo ready; wait`),
      signal: controller.signal,
      onLine: () => controller.abort(),
    })
    expect(code).toBe(143)
    const grandchild = Number(await readFile(pidFile, 'utf8'))
    while (isAlive(grandchild)) await sleep(20)
  })

  test('is killed when it does not listen to SIGTERM', async () => {
    const controller = new AbortController()
    const result = await open({ signal: controller.signal })({
      ...shell('trap "" TERM; echo ready; while :; do sleep 1; done'),
      graceSeconds: 0.2,
      onLine: () => controller.abort(),
    })
    expect(result.code).toBe(137)
  })

  test('may end by itself within the grace', async () => {
    const controller = new AbortController()
    const { code, stdout } = await open()({
      ...shell('trap "echo tidied; exit 7" TERM; echo ready; while :; do sleep 0.1; done'),
      signal: controller.signal,
      onLine: () => controller.abort(),
    })
    expect({ code, stdout }).toEqual({ code: 7, stdout: 'ready\ntidied\n' })
  })

  test('may be started to clean up after the host was cancelled', async () => {
    const command = { ...shell('echo tidied'), cleanup: true }
    expect(await open({ signal: AbortSignal.abort() })(command)).toMatchObject({ code: 0, stdout: 'tidied\n' })
  })

  test('is not started once the host was cancelled', async () => {
    await using directory = await temporaryDirectory()
    const signal = AbortSignal.abort()
    expect((await open({ signal, directory: directory.path })(shell('sleep 0.5; touch ran'))).code).toBe(143)
    await expect(readFile(join(directory.path, 'ran'))).rejects.toThrow('ENOENT')
  })
})
