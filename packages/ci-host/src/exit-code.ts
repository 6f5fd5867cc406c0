// Exit codes: each kind of failure has exactly one, and everything unexpected is 1.
import { Failure, type FailureKind } from '@polyarch/oci'
import { Cancellation } from './cancellation.ts'

const exitCodes: Readonly<Record<FailureKind, number>> = {
  input: 2,
  preflight: 3,
  build: 4,
  registry: 5,
  denied: 6,
  verification: 7,
  policy: 8,
}

/**
 * The exit code for what was thrown: the failure's own or that of its kind, 128 + the signal's number for a cancelled
 * job, else 1.
 */
export const exitCodeOf = (error: unknown): number => {
  if (error instanceof Failure) return error.exitCode ?? exitCodes[error.kind]
  if (error instanceof Cancellation) return error.exitCode
  return 1
}
