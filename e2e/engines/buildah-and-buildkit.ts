// buildah and BuildKit are tested together where they do the same; here stands what differs on the way there.
import type { RawInputs } from '@polyarch/ci-host'

export interface TestedEngine {
  readonly name: 'buildah' | 'buildkit'
  /** Inputs with which, one after the other, it has to build the same again. */
  readonly reproducible: readonly RawInputs[]
  /** Inputs that keep it from asking a registry that fails again. */
  readonly once: RawInputs
  /** How it says the exit code of a command. */
  readonly exitCode: (code: number) => string
  /** It leaves the places where it mounts files of its own in a container: empty. */
  readonly leavesEmptyFiles: boolean
}

export const buildah: TestedEngine = {
  name: 'buildah',
  reproducible: [{ 'storage-driver': 'overlay' }, { 'storage-driver': 'vfs' }],
  once: { 'engine-args': '--retry=0' },
  exitCode: (code) => `exit status ${code}`,
  leavesEmptyFiles: true,
}

export const buildkit: TestedEngine = {
  name: 'buildkit',
  reproducible: [{}],
  once: {},
  exitCode: (code) => `exit code: ${code}`,
  leavesEmptyFiles: false,
}
