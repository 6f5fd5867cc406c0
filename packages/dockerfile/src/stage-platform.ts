// Which platform a stage is built for, and what has to run on it.
import { Failure, formatPlatform, type Platform, parsePlatform } from '@polyarch/oci'
import type { Dockerfile, Stage } from './dockerfile.ts'
import { describeInstruction, flagValue, type Instruction } from './instruction.ts'
import { nameBaseStages } from './named-stages.ts'
import { type BuildSettings, expandLeniently, globalScope } from './scope.ts'
import { baseStage, instructionsOf, reachedStages } from './stage-graph.ts'

/** The platform that `--platform` of a FROM names; undefined without one, or where it cannot be told. */
const statedPlatform = (dockerfile: Dockerfile, stage: Stage, settings: BuildSettings): Platform | undefined => {
  const flag = flagValue(stage.from, 'platform')
  if (flag === undefined) return undefined
  const { text } = expandLeniently(flag, globalScope(dockerfile, settings), dockerfile.escape)
  try {
    return text === '' ? undefined : parsePlatform(text)
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  }
}

/** The platform of the stage: its own, its base stage's, or the one that is built for. */
export const stagePlatform = (dockerfile: Dockerfile, stage: Stage, settings: BuildSettings): Platform => {
  const stated = statedPlatform(dockerfile, stage, settings)
  if (stated) return stated
  const base = baseStage(dockerfile, stage)
  return base ? stagePlatform(dockerfile, base, settings) : settings.platform
}

export interface ExecutedInstruction {
  readonly line: number
  readonly text: string
  /** os/architecture[/variant] */
  readonly platform: string
}

/**
 * Every RUN of the stages that the target reaches, with the platform that it runs on.
 * @throws {Failure} input, when there is no such target.
 */
export const executedInstructions = (parsed: Dockerfile, settings: BuildSettings): ExecutedInstruction[] => {
  const dockerfile = nameBaseStages(parsed, settings)
  return reachedStages(dockerfile, settings.target).flatMap((stage) => {
    const runs = instructionsOf(dockerfile, stage).filter(({ keyword }) => keyword === 'RUN')
    if (runs.length === 0) return []
    const platform = formatPlatform(stagePlatform(dockerfile, stage, settings))
    return runs.map((run: Instruction) => ({ line: run.line, text: describeInstruction(run), platform }))
  })
}
