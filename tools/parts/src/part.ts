// Which real parts this machine has, where they are, and why one is missing.

/** A real part that tests may need; each is installed by prepare.ts where it can be. */
export type Part =
  | 'root'
  | 'go'
  | 'docker-registry'
  | 'skopeo'
  | 'kaniko-1.25.15'
  | 'kaniko-1.24.0'
  | 'kaniko-fork'
  | 'binfmt-arm64'
  | 'user-namespaces'
  | 'act'
  | 'gitlab-ci-local'

/** Why the part cannot be used here, or undefined when it can. */
export declare const reasonMissing: (part: Part) => string | undefined

/** For describe.skipIf(): whether any of the parts is missing; the reasons stand at the end of the test run. */
export declare const lacks: (...parts: Part[]) => boolean

/** The path of a part that is a program. @throws when it is missing. */
export declare const partPath: (part: Part) => string
