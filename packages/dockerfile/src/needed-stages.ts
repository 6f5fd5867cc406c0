// A Dockerfile's text without what its target does not need, for engines that build every stage before the target.
import { parseDockerfile } from './dockerfile.ts'
import { nameBaseStages } from './named-stages.ts'
import type { BuildSettings } from './scope.ts'
import { reachedStages } from './stage-graph.ts'

/**
 * The text with every stage that the target does not reach empty; lines and the numbers of stages stay as they were.
 * @throws {Failure} input, when there is no such target.
 */
export const emptyUnusedStages = (text: string, settings: BuildSettings): string => {
  const dockerfile = nameBaseStages(parseDockerfile(text), settings)
  const reached = new Set(reachedStages(dockerfile, settings.target))
  const lines = text.split('\n')
  for (const stage of dockerfile.stages) {
    if (reached.has(stage)) continue
    const first = stage.from.line - 1
    const end = dockerfile.stages[stage.index + 1]?.from.line ?? lines.length + 1
    lines.fill('', first, end - 1)
    lines[first] = stage.name === null ? 'FROM scratch' : `FROM scratch AS ${stage.name}`
  }
  return lines.join('\n')
}
