// Why buildah failed, in the terms of the exit codes.
import { failureKindOf } from '@polyarch/engine'
import { Failure } from '@polyarch/oci'
import type { EngineLog } from './engine-log.ts'

/** A RUN instruction that failed; whatever it printed about networks is not buildah's own failure. */
const commandFailed = /^building at STEP "RUN .*(?:exit status \d+|while running runtime)/s

/** The failure that buildah's exit code and last words mean; `name` is the build's, for the message. */
export const explainFailure = (name: string, code: number, log: Pick<EngineLog, 'error' | 'lastLines'>): Failure => {
  const last = log.lastLines.at(-1)
  const output = last === undefined ? '' : ` (its last line: ${last})`
  if (log.error !== undefined) {
    const isCommand = commandFailed.test(log.error)
    const kind = isCommand ? 'build' : failureKindOf(log.error)
    return new Failure(kind, `${name}: buildah failed: ${log.error}${isCommand ? output : ''}`)
  }
  const why = code === 137 || code === 143 ? 'was killed: out of memory, or ended from outside' : `ended with ${code}`
  return new Failure('build', `${name}: buildah ${why}${output}`)
}
