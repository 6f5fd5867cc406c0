// Every command of polyarch that is a step, loaded only when it is asked for.
import type { Step } from '@polyarch/ci-host'

interface StepEntry {
  readonly load: () => Promise<{ readonly step: Step }>
  /** Inputs that the command takes as arguments instead of flags. */
  readonly positionals?: readonly string[]
}

/** The commands in the order in which the help lists them: the way through the house. */
export const steps: Readonly<Record<string, StepEntry>> = {
  run: { load: () => import('./walk.ts') },
  'detect-arch': { load: () => import('@polyarch/detect-arch') },
  'kaniko-build': { load: () => import('@polyarch/kaniko-build') },
  'buildah-build': { load: () => import('@polyarch/buildah-build') },
  'buildkit-build': { load: () => import('@polyarch/buildkit-build') },
  'extend-image': { load: () => import('@polyarch/extend-image') },
  'push-digest': { load: () => import('@polyarch/push-digest') },
  'merge-manifest': { load: () => import('@polyarch/merge-manifest') },
  report: { load: () => import('@polyarch/report') },
  preflight: { load: () => import('./preflight.ts'), positionals: ['dockerfile'] },
  init: { load: () => import('./init.ts') },
  migrate: { load: () => import('./migrate.ts') },
  copy: { load: () => import('./copy.ts'), positionals: ['source', 'destination'] },
}
