// Why an engine failed, in the terms of the exit codes.
import { Failure, type FailureKind } from '@polyarch/oci'
import { type EngineRun, findDiskFull, formatMemory } from './engine-run.ts'
import { failureKindOf } from './failure-kind.ts'
import type { InstructionTimes } from './instruction-times.ts'

/** What an engine says while it runs. */
export interface EngineWords {
  /** What it says made it fail, where it says so. */
  readonly error: string | undefined
  /** The last lines that it and the commands of RUN instructions wrote. */
  readonly lastLines: readonly string[]
  /** Which instructions it has run or taken from a cache so far. */
  readonly instructions: InstructionTimes
}

/** How an engine speaks of failures. */
export interface EngineManner {
  /** As people write its name. */
  readonly engine: string
  /** Matches the error of a command that failed: whatever it printed about networks is not the engine's own failure. */
  readonly commandFailed: RegExp
  /** What its other errors are, where they say it in words of its own. */
  readonly kindOf?: (error: string) => FailureKind
}

/** The failure that an engine's end and last words mean; `name` is the build's, for the message. */
export const explainFailure = (
  name: string,
  { engine, commandFailed, kindOf = failureKindOf }: EngineManner,
  { code, reason, peakMemory }: Pick<EngineRun, 'code' | 'reason' | 'peakMemory'>,
  words: Pick<EngineWords, 'error' | 'lastLines'>,
): Failure => {
  const { error, lastLines } = words
  const last = lastLines.filter((line) => line !== error).at(-1)
  const output = last === undefined ? '' : ` (its last line: ${last})`
  const said = error ?? last
  if (reason === 'out of disk')
    return new Failure(
      'build',
      `${name}: ${engine} ran out of disk: ${findDiskFull(words)}; make room on the file systems of the workspace and of the layout`,
    )
  if (reason === 'out of memory')
    return new Failure(
      'build',
      `${name}: ${engine} ran out of memory (seen: ${formatMemory(peakMemory)}): the kernel killed a process of it; use a runner with more memory${said === undefined ? '' : ` (${said})`}`,
    )
  const isCommand = error !== undefined && commandFailed.test(error)
  if (isCommand) return new Failure('build', `${name}: ${engine} failed: ${error}${output}`)
  if (reason === 'killed')
    return new Failure(
      'build',
      `${name}: ${engine} was killed (exit ${code}): ended from outside, or out of memory where the kernel does not tell${output}`,
    )
  if (error !== undefined) return new Failure(kindOf(error), `${name}: ${engine} failed: ${error}`)
  return new Failure('build', `${name}: ${engine} ended with ${code}${output}`)
}
