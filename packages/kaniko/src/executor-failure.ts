// Why an executor failed, in the terms of the exit codes.
import { failureKindOf } from '@polyarch/engine'
import { Failure, type FailureKind, formatPlatform, inputFailure, type Platform } from '@polyarch/oci'
import type { ExecutorLog } from './executor-log.ts'

/** A RUN instruction that failed; whatever it printed about networks is not the executor's own failure. */
const commandFailed = /failed to execute command|waiting for process to exit|exit status \d+/

const kindOf = (message: string): FailureKind => (commandFailed.test(message) ? 'build' : failureKindOf(message))

const wrongFormat = /exec format error/i

/** The failure that an executor's exit code and last words mean; `name` is the build's, for the message. */
export const explainFailure = (
  name: string,
  code: number,
  log: Pick<ExecutorLog, 'error' | 'lastLines'>,
  platforms: { readonly build: Platform; readonly target: Platform },
): Failure => {
  const last = log.lastLines.filter((line) => line !== log.error).at(-1)
  if (platforms.build.architecture !== platforms.target.architecture && wrongFormat.test(`${log.error} ${last}`))
    return inputFailure(
      `${name}: this ${formatPlatform(platforms.build)} machine cannot run programs for ${formatPlatform(platforms.target)}: build on a runner of that platform, or register an emulator that works in a chroot (docker run --privileged --rm tonistiigi/binfmt --install ${platforms.target.architecture}, or Debian's qemu-user-static with binfmt-support)`,
    )
  if (log.error !== undefined) {
    const output = commandFailed.test(log.error) && last !== undefined ? ` (its last line: ${last})` : ''
    return new Failure(kindOf(log.error), `${name}: kaniko failed: ${log.error}${output}`)
  }
  if (code === 137 || code === 143)
    return new Failure('build', `${name}: the executor was killed (exit ${code}): out of memory, or ended from outside`)
  return new Failure('build', `${name}: the executor ended with ${code}${last === undefined ? '' : `: ${last}`}`)
}
