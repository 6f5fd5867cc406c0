// Starts the entry of a step as a process of its own, as a runner would, for tests of how it ends.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { asOrdinaryUser } from './ordinary-user.ts'

export interface EndedStep {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface StartedStep {
  readonly process: ChildProcess
  readonly ended: Promise<EndedStep>
}

export interface StepOptions {
  /** Run as the ordinary user, where this process is root. */
  readonly ordinary?: boolean
  /** Besides PATH and HOME, which is the workspace's .home. */
  readonly env?: Readonly<Record<string, string>>
}

/** Starts `main` (a step's main.ts) in the workspace with the flags. */
export const startStep = (
  main: string,
  workspace: string,
  flags: readonly string[],
  { ordinary = false, env = {} }: StepOptions = {},
): StartedStep => {
  const all = { PATH: process.env['PATH'] ?? '', HOME: `${workspace}/.home`, ...env }
  const words: [string, ...string[]] = [
    'env',
    ...Object.entries(all).map(([name, value]) => `${name}=${value}`),
    process.execPath,
    '--conditions=@polyarch/source',
    main,
    ...flags,
  ]
  const [file, ...args] = ordinary ? asOrdinaryUser(words) : words
  const child = spawn(file, args, { cwd: workspace, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text
    })
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...output }))
  return { process: child, ended }
}
