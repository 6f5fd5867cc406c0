// How BuildKit speaks of failures.
import { type EngineManner, failureKindOf } from '@polyarch/engine'

/** A registry that was asked and did not give what it should. */
const notPulled = /failed to resolve source metadata|failed to do request|failed to copy: |error writing manifest blob/

export const manner: EngineManner = {
  engine: 'BuildKit',
  commandFailed: /process ".*" did not complete successfully: /s,
  kindOf: (error) => {
    const kind = failureKindOf(error)
    return kind === 'build' && notPulled.test(error) ? 'registry' : kind
  },
}
