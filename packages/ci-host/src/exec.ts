// The one way in which programs are started: without a shell, with an end to their time and their output.
import { constants } from 'node:os'
import { inputFailure } from '@polyarch/oci'
import { childEnvironment } from './child-environment.ts'
import type { Command, CommandResult } from './host.ts'
import type { Masks } from './masks.ts'
import { createLineSplitter, createOutputTail } from './output-tail.ts'

export interface ExecSettings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly directory: string
  readonly masks: Masks
  readonly signal: AbortSignal
}

const defaultGraceSeconds = 10

const missingProgram = (code: string | undefined): boolean =>
  code === 'ENOENT' || code === 'EACCES' || code === 'ENOTDIR'

/** Starts programs for one host; a program and all that it started end together. */
export const createExec =
  ({ env, directory, masks, signal }: ExecSettings) =>
  async (command: Command): Promise<CommandResult> => {
    const { execa } = await import('execa')
    const cwd = command.directory ?? directory
    const subprocess = execa(command.file, [...command.args], {
      cwd,
      env: command.env ?? childEnvironment(env),
      extendEnv: false,
      ...(command.input === undefined ? { stdin: 'ignore' } : { input: command.input }),
      encoding: 'buffer',
      buffer: false,
      reject: false,
      killDescendants: true,
      cancelSignal: AbortSignal.any([
        ...(command.cleanup ? [] : [signal]),
        ...(command.signal ? [command.signal] : []),
      ]),
      forceKillAfterDelay: (command.graceSeconds ?? defaultGraceSeconds) * 1000,
    })
    if (subprocess.pid !== undefined) command.onStart?.(subprocess.pid)
    const follow = (stream: 'stdout' | 'stderr') => {
      const tail = createOutputTail()
      const { onLine } = command
      const splitter = onLine && createLineSplitter((line) => onLine(masks.apply(line), stream))
      subprocess[stream]?.on('data', (chunk: Uint8Array) => {
        tail.push(chunk)
        splitter?.push(chunk)
      })
      return { tail, splitter }
    }
    const stdout = follow('stdout')
    const stderr = follow('stderr')
    const result = await subprocess
    for (const { splitter } of [stdout, stderr]) splitter?.end()
    if (result.exitCode === undefined && result.signal === undefined && !result.isCanceled) {
      if (missingProgram(result.code))
        throw inputFailure(
          `cannot run ${command.file}: there is no such program${command.file.includes('/') ? '' : ' on the PATH'}, or it may not be run in ${cwd}`,
          { cause: result.cause },
        )
      throw new Error(`cannot run ${command.file}: ${result.shortMessage ?? 'it did not start'}`, {
        cause: result.cause,
      })
    }
    return {
      code: result.exitCode ?? 128 + constants.signals[(result.signal ?? 'SIGTERM') as NodeJS.Signals],
      stdout: stdout.tail.text(),
      stderr: stderr.tail.text(),
    }
  }
