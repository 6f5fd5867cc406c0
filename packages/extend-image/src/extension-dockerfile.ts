// What a Dockerfile of an image extension may say: the lifecycle's rules, with its wording.
import { parseDockerfile } from '@polyarch/dockerfile'
import type { ExtendKind } from './analyzed.ts'
import { lifecycleFailure } from './lifecycle-failure.ts'

const recommended = new Set(['FROM', 'ADD', 'ARG', 'COPY', 'ENV', 'LABEL', 'RUN', 'SHELL', 'USER', 'WORKDIR'])

const baseImage = `\${base_image}`

/** What the rules make of a Dockerfile. */
export interface ExtensionRules {
  /** What works, but should not be there. */
  readonly warnings: readonly string[]
  /** The image that it starts from instead of the one to extend; the lifecycle has put that one into analyzed.toml. */
  readonly switchesTo: string | undefined
  /** Whether it changes anything; else it only switches. */
  readonly extends: boolean
}

/**
 * Checks the text of a Dockerfile of that kind.
 * @throws {Failure} with the lifecycle's code 92, where it breaks a rule; input, where it is too large to be one.
 */
export const checkExtensionDockerfile = (text: string, kind: ExtendKind): ExtensionRules => {
  const name = `${kind}.Dockerfile`
  const refuse = (message: string) => lifecycleFailure('generate', message)
  const { globals, stages, problems } = parseDockerfile(text)
  if (globals.length === 0 && stages.length === 0) throw refuse('file with no instructions')
  if (stages.length > 1) throw refuse(`${name} is not permitted to use multistage build`)
  const [arg, ...others] = globals
  if (kind === 'build' && (others.length > 0 || arg?.words[0]?.split('=')[0] !== 'base_image'))
    throw refuse('build.Dockerfile did not start with required ARG command')
  const [stage] = stages
  if (stage === undefined) throw refuse(`${name} should have at least one stage`)
  const [problem] = problems
  if (problem !== undefined) throw refuse(`${name}: line ${problem.line}: ${problem.message}`)
  const [base] = stage.from.words
  if (kind === 'build' && base !== baseImage)
    throw refuse(`build.Dockerfile did not contain required FROM ${baseImage} command`)
  return {
    warnings: stage.instructions
      .filter(({ keyword }) => !recommended.has(keyword))
      .map(({ keyword, line }) => `${name} command ${keyword} on line ${line} is not recommended`),
    switchesTo: base === baseImage ? undefined : base,
    extends: stage.instructions.length > 0,
  }
}
