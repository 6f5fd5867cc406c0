// The known ways in which a step fails; everything else that is thrown is a bug.

/** What went wrong, in the terms of the exit codes: each kind has exactly one code (README.md#exit-codes). */
export type FailureKind = 'input' | 'preflight' | 'build' | 'registry' | 'denied' | 'verification' | 'policy'

export interface FailureOptions extends ErrorOptions {
  /** For a step that stands in for another program: that program's code, instead of the kind's. */
  readonly exitCode?: number
}

/** A failure that the user can act on: its message is one line that names the place and what would be right. */
export class Failure extends Error {
  override readonly name: string = 'Failure'
  readonly kind: FailureKind
  readonly exitCode: number | undefined

  constructor(kind: FailureKind, message: string, options?: FailureOptions) {
    super(message, options)
    this.kind = kind
    this.exitCode = options?.exitCode
  }
}

/** A user's mistake: an unknown key or value, a missing or unreadable file. */
export const inputFailure = (message: string, options?: ErrorOptions): Failure => new Failure('input', message, options)

/** Content that is not what the plan, the record or the descriptor says. */
export const verificationFailure = (message: string, options?: ErrorOptions): Failure =>
  new Failure('verification', message, options)
