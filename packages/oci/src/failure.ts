// The known ways in which a step fails; everything else that is thrown is a bug.

/** What went wrong, in the terms of the exit codes: each kind has exactly one code (README.md#exit-codes). */
export type FailureKind = 'input' | 'preflight' | 'build' | 'registry' | 'denied' | 'verification' | 'policy'

/** A problem at a place in a file, as compilers write it: `polyarch.yaml:12:5: …`, the column being optional. */
export const problemPattern = /^([^\s:]+):(\d+)(?::(\d+))?: (.*)$/

/**
 * Text that may hold what a server or a file said, fit for terminals and logs: no control character, and no sign that
 * turns the direction of writing. It is one line, or a line for each of several problems that all name their place.
 */
export const plainText = (text: string): string => {
  const lines = text
    .split(/\r\n|[\n\v\f\r\u0085\u2028\u2029]/)
    .map((line) => line.replace(/[\p{Cc}\p{Bidi_Control}]+/gu, ' '))
  return lines.join(lines.every((line) => problemPattern.test(line)) ? '\n' : ' ')
}

export interface FailureOptions extends ErrorOptions {
  /** For a step that stands in for another program: that program's code, instead of the kind's. */
  readonly exitCode?: number
}

/**
 * A failure that the user can act on: its message is one line that names the place and what would be right, or such a
 * line for each problem. Whatever it quotes, its message is plain text.
 */
export class Failure extends Error {
  override readonly name: string = 'Failure'
  readonly kind: FailureKind
  readonly exitCode: number | undefined

  constructor(kind: FailureKind, message: string, options?: FailureOptions) {
    super(plainText(message), options)
    this.kind = kind
    this.exitCode = options?.exitCode
  }
}

/** A user's mistake: an unknown key or value, a missing or unreadable file. */
export const inputFailure = (message: string, options?: ErrorOptions): Failure => new Failure('input', message, options)

/** Content that is not what the plan, the record or the descriptor says. */
export const verificationFailure = (message: string, options?: ErrorOptions): Failure =>
  new Failure('verification', message, options)
