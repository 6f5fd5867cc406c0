// Finds and runs the programs of this machine.
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { execa } from 'execa'

/** Where programs are besides PATH: an ordinary user's PATH lacks sbin, a fresh Go is seldom on it. */
const additionalDirectories = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/go/bin']

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The path of a program, or undefined where this machine has none of that name. */
export const findProgram = (name: string): string | undefined =>
  [...(process.env['PATH'] ?? '').split(delimiter), ...additionalDirectories]
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, name))
    .find(isExecutable)

export interface RunOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Why a program failed: the last line that it wrote, which with apt, go and unshare is the one that says it. */
class ProgramError extends Error {
  override readonly name = 'ProgramError'
}

/**
 * Runs a program to its end and gives what it wrote to stdout.
 * @throws {ProgramError} when it cannot start or ends with another code than 0.
 */
export const runProgram = async (
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> => {
  const path = findProgram(program) ?? program
  const result = await execa(path, args, { ...options, stdin: 'ignore', reject: false })
  if (result.exitCode === 0) return result.stdout
  const reason = (result.stderr || result.stdout).trim().split('\n').at(-1) || result.originalMessage || 'no output'
  throw new ProgramError(
    `${program} ${args[0] ?? ''} ended with ${result.exitCode ?? result.signal ?? 'no code'}: ${reason}`,
  )
}
