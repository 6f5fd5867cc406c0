// Runs the programs of the workspace, with their output shown or kept.
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

/** The root of the repository. */
export const root = resolve(import.meta.dirname, '..')

export interface CommandResult {
  readonly code: number
  /** What it wrote to stdout and stderr, in that order of time; empty where the output was shown. */
  readonly output: string
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Whether its output goes straight to this process's; otherwise it is kept. */
  readonly show?: boolean
}

/** Runs a program at the root to its end; that it fails is the caller's to judge. */
export const runCommand = (command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> =>
  new Promise((settle, reject) => {
    const [program = '', ...args] = command
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, ...options.env },
      stdio: options.show ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    })
    const chunks: Buffer[] = []
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.on('error', reject)
    child.on('close', (code) => settle({ code: code ?? 1, output: Buffer.concat(chunks).toString() }))
  })
