// The known ways in which a step fails; everything else that is thrown is a bug.

/** What went wrong, in the terms of the exit codes: each kind has exactly one code (docs/exit-codes). */
export type FailureKind = 'input' | 'preflight' | 'build' | 'registry' | 'denied' | 'verification' | 'policy'

/** A failure that the user can act on: its message is one line that names the place and what would be right. */
export class Failure extends Error {
  override readonly name: string = 'Failure'
  readonly kind: FailureKind

  constructor(kind: FailureKind, message: string, options?: ErrorOptions) {
    super(message, options)
    this.kind = kind
  }
}

/** A user's mistake: an unknown key or value, a missing or unreadable file. */
export const inputFailure = (message: string, options?: ErrorOptions): Failure => new Failure('input', message, options)

/** Content that is not what the plan, the record or the descriptor says. */
export const verificationFailure = (message: string, options?: ErrorOptions): Failure =>
  new Failure('verification', message, options)
