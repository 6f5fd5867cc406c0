// Failures as the lifecycle's own phases end: its wording and its exit codes, which platforms act on.
import { Failure, type FailureKind } from '@polyarch/oci'

/** The lifecycle's exit codes for what an extender may find (buildpacks/spec, platform.md). */
export const lifecycleCodes = {
  /** Files that cannot be read before anything is extended, and an output that the exporter would not take. */
  failed: 1,
  invalidArguments: 3,
  platformApi: 11,
  buildpackApi: 12,
  /** What an extension generated breaks the rules: the lifecycle says so right after it generated it. */
  generate: 92,
  extend: 102,
} as const

/** A failure with the lifecycle's code for it. */
export const lifecycleFailure = (
  code: keyof typeof lifecycleCodes,
  message: string,
  options: ErrorOptions & { readonly kind?: FailureKind } = {},
): Failure => new Failure(options.kind ?? 'input', message, { ...options, exitCode: lifecycleCodes[code] })

/**
 * Does the work; a failure of it says first what was being done, as the lifecycle puts its words together, and without a
 * code of its own it is an extender's, 102.
 */
export const whileDoing = async <T>(doing: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const exitCode = error.exitCode ?? lifecycleCodes.extend
    throw new Failure(error.kind, `${doing}: ${error.message}`, { cause: error, exitCode })
  }
}
