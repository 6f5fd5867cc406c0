// Pins the images that a Dockerfile is built from: a moving tag becomes the digest that is meant.
import type { Dockerfile, Stage } from './dockerfile.ts'
import { parseDockerfile } from './dockerfile.ts'
import { nameBaseStages } from './named-stages.ts'
import { type BuildSettings, expandLeniently, globalScope } from './scope.ts'
import { baseStage, findStage, reachedStages, readsFrom } from './stage-graph.ts'

interface Mention {
  /** As it is written, with its variables. */
  readonly written: string
  readonly reference: string
  readonly line: number
  readonly endLine: number
}

const mentionsOf = (dockerfile: Dockerfile, stage: Stage, settings: BuildSettings): Mention[] => {
  const { from } = stage
  const written = from.words[0] ?? ''
  const { text } = expandLeniently(written, globalScope(dockerfile, settings), dockerfile.escape)
  const { line, endLine } = from
  const base = baseStage(dockerfile, stage) ? [] : [{ written, reference: text, line, endLine }]
  const others = stage.instructions.flatMap((instruction) =>
    readsFrom(instruction)
      .filter(({ source }) => !findStage(dockerfile, source, stage.index))
      .map(({ source }) => ({
        written: source,
        reference: source,
        line: instruction.line,
        endLine: instruction.endLine,
      })),
  )
  return [...base, ...others]
}

/** What may stand before and after a reference where it is one word of an instruction or a value of a flag. */
const bounded = (word: string): RegExp =>
  new RegExp(`(?<=[\\s=])${word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?=[\\s,]|$)`)

/**
 * The Dockerfile's text with every image that `pinOf` knows written as it says; all else stays as it was, line for line.
 * @throws {Failure} input, when there is no such target.
 */
export const pinSources = (
  text: string,
  settings: BuildSettings,
  pinOf: (reference: string) => string | undefined,
): string => {
  const dockerfile = nameBaseStages(parseDockerfile(text), settings)
  const lines = text.split('\n')
  for (const stage of reachedStages(dockerfile, settings.target)) {
    for (const { written, reference, line, endLine } of mentionsOf(dockerfile, stage, settings)) {
      const pinned = pinOf(reference)
      if (pinned === undefined) continue
      const word = bounded(written)
      for (let index = line - 1; index < endLine; index += 1) {
        if (!word.test(lines[index] ?? '')) continue
        lines[index] = lines[index]!.replace(word, () => pinned)
        break
      }
    }
  }
  return lines.join('\n')
}
