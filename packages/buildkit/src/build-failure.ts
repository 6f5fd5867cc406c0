// Why a build by BuildKit failed, in the terms of the exit codes.
import { failureKindOf } from '@polyarch/engine'
import { Failure, type FailureKind } from '@polyarch/oci'
import type { Progress } from './progress.ts'

/** A RUN instruction that failed; whatever it printed about networks is not BuildKit's own failure. */
const commandFailed = /process ".*" did not complete successfully: /s

/** A registry that was asked and did not give what it should. */
const notPulled = /failed to resolve source metadata|failed to do request|failed to copy: |error writing manifest blob/

const kindOf = (message: string): FailureKind => {
  const kind = failureKindOf(message)
  return kind === 'build' && notPulled.test(message) ? 'registry' : kind
}

/** The failure that BuildKit's exit code and last words mean; `name` is the build's, for the message. */
export const explainFailure = (
  name: string,
  code: number,
  progress: Pick<Progress, 'error' | 'lastLines'>,
): Failure => {
  const last = progress.lastLines.at(-1)
  const output = last === undefined ? '' : ` (its last line: ${last})`
  if (progress.error !== undefined) {
    const isCommand = commandFailed.test(progress.error)
    const kind = isCommand ? 'build' : kindOf(progress.error)
    return new Failure(kind, `${name}: BuildKit failed: ${progress.error}${isCommand ? output : ''}`)
  }
  return new Failure('build', `${name}: BuildKit's client ended with ${code}${output}`)
}
