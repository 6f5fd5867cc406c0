// Runs a program as a pipeline would, and keeps all that it said.
import { dirname, join } from 'node:path'
import { repositoryRoot } from '@polyarch/parts'
import { execa } from 'execa'

export interface CommandEnd {
  readonly code: number
  /** What it wrote to both streams, in the order of time. */
  readonly log: string
}

export interface CommandOutput extends CommandEnd {
  /** What it wrote to its standard output. */
  readonly output: string
}

/** Variables of this process that would make a forge's runner, or a step, believe that it is somewhere else. */
const foreign = /^(?:GITHUB_|GITLAB_|CI(?:_|$)|INPUT_|ACTIONS_|RUNNER_|POLYARCH_|DOCKER_|NODE_|VITEST|VITE_|npm_|GIT_)/

const ownEnvironment = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !foreign.test(entry[0]),
    ),
  )

/** Node 24 comes first on PATH, whatever this machine has. */
export const nodeDirectory = join(repositoryRoot, 'node_modules/node/bin')

const path = (): string => [nodeDirectory, process.env['PATH']].join(':')

/** Runs the program to its end; that it fails is the caller's to judge. */
export const runCommand = async (
  command: readonly [string, ...string[]],
  options: { readonly directory: string; readonly env?: Readonly<Record<string, string>> },
): Promise<CommandOutput> => {
  const [file, ...args] = command
  const env = { ...ownEnvironment(), PATH: path(), ...options.env }
  const result = await execa(file, args, {
    cwd: options.directory,
    env,
    extendEnv: false,
    stdin: 'ignore',
    all: true,
    reject: false,
  })
  return { code: result.exitCode ?? 1, log: result.all ?? result.shortMessage ?? '', output: result.stdout }
}

/**
 * Runs the program and gives what it said.
 * @throws when it fails.
 */
export const runOrThrow = async (
  command: readonly [string, ...string[]],
  options: { readonly directory: string; readonly env?: Readonly<Record<string, string>> },
): Promise<string> => {
  const { code, log } = await runCommand(command, options)
  if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}:\n${log}`)
  return log
}

/** A git repository with all that the directory holds, as one commit. */
export const commitAll = async (directory: string, remote: string): Promise<void> => {
  const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com']
  await runOrThrow(['git', 'init', '--quiet', '--initial-branch=main'], { directory })
  await runOrThrow(['git', 'remote', 'add', 'origin', remote], { directory })
  await runOrThrow(['git', 'add', '--all', '--force'], { directory })
  await runOrThrow(['git', ...identity, 'commit', '--quiet', '--message', `All of ${dirname(remote)}`], { directory })
}
