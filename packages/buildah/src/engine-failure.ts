// How buildah speaks of failures.
import type { EngineManner } from '@polyarch/engine'

export const manner: EngineManner = {
  engine: 'buildah',
  commandFailed: /^building at STEP "RUN .*(?:exit status \d+|while running runtime)/s,
}
