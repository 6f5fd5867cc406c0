// A docker daemon of a test's own: beside whatever this machine runs, and gone with the test.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { partPath } from './part.ts'
import { runProgram } from './program.ts'

export interface RunningDocker extends AsyncDisposable {
  /** What a client has to be told: DOCKER_HOST. */
  readonly env: Readonly<Record<string, string>>
  /** What its client says to this. */
  docker(...args: string[]): Promise<string>
  stop(): Promise<void>
}

const waitUntilReady = async (daemon: ChildProcess, ask: () => Promise<unknown>, log: string): Promise<void> => {
  const deadline = Date.now() + 60_000
  while (Date.now() < deadline && daemon.exitCode === null && daemon.signalCode === null) {
    const answer = await ask().then(
      () => true,
      () => false,
    )
    if (answer) return
    await delay(100)
  }
  throw new Error(`dockerd did not start: ${(await readFile(log, 'utf8')).trim().split('\n').at(-1)}`)
}

/** Starts a daemon without a network of its own: its containers use the machine's, or none. */
export const startDocker = async (): Promise<RunningDocker> => {
  const root = await mkdtemp(join(tmpdir(), 'polyarch-docker-'))
  const at = (name: string): string => join(root, name)
  const host = `unix://${at('docker.sock')}`
  const env = { DOCKER_HOST: host }
  const docker = (...args: string[]): Promise<string> => runProgram('docker', args, { env })
  const log = at('log')
  const output = await open(log, 'a')
  const daemon = spawn(
    'setpriv',
    [
      '--pdeathsig',
      'TERM',
      // What it mounts goes away with it.
      'unshare',
      '--mount',
      '--propagation=private',
      partPath('docker'),
      `--data-root=${at('data')}`,
      `--exec-root=${at('exec')}`,
      `--pidfile=${at('pid')}`,
      `--host=${host}`,
      '--bridge=none',
      '--iptables=false',
      '--ip6tables=false',
    ],
    { stdio: ['ignore', output.fd, output.fd] },
  )
  const ended = once(daemon, 'exit')
  const stop = async (): Promise<void> => {
    if (daemon.exitCode === null && daemon.signalCode === null) daemon.kill('SIGTERM')
    await ended
    await rm(root, { recursive: true, force: true })
  }
  try {
    await waitUntilReady(daemon, () => docker('version'), log)
    return { env, docker, stop, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  } finally {
    await output.close()
  }
}
