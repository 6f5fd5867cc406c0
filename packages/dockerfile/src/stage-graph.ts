// Which stages a target needs: its base, and what it copies or mounts from.
import { inputFailure } from '@polyarch/oci'
import type { Dockerfile, Stage } from './dockerfile.ts'
import { flagValue, type Instruction } from './instruction.ts'
import { parseMounts } from './mount.ts'

/** The stage that a name or number means to an instruction of stage `before`; undefined for an image. */
export const findStage = ({ stages }: Dockerfile, name: string, before: number): Stage | undefined => {
  const earlier = stages.slice(0, before)
  const wanted = name.toLowerCase()
  return earlier.findLast((stage) => stage.name === wanted) ?? (/^\d+$/.test(name) ? earlier[Number(name)] : undefined)
}

/** The base stage of a stage; undefined where it is an image. FROM knows names only, not numbers. */
export const baseStage = (dockerfile: Dockerfile, stage: Stage): Stage | undefined => {
  const name = stage.from.words[0]?.toLowerCase()
  return dockerfile.stages
    .slice(0, stage.index)
    .findLast((candidate) => candidate.name !== null && candidate.name === name)
}

/** What an instruction reads files from besides the context: `COPY --from`, `RUN --mount=from`. */
export const readsFrom = (instruction: Instruction): { readonly source: string; readonly line: number }[] => {
  const { keyword, line } = instruction
  if (keyword === 'COPY') {
    const source = flagValue(instruction, 'from')
    return source === undefined || source === '' ? [] : [{ source, line }]
  }
  if (keyword !== 'RUN') return []
  return parseMounts(instruction).flatMap((mount) =>
    mount.from === undefined ? [] : [{ source: mount.from, line: mount.line }],
  )
}

/** The instructions that are executed for a stage: its own, after the triggers that its base stage left. */
export const instructionsOf = (dockerfile: Dockerfile, stage: Stage): readonly Instruction[] => {
  const base = baseStage(dockerfile, stage)
  const triggers = base?.instructions.flatMap(({ trigger }) => trigger ?? []) ?? []
  return [...triggers, ...stage.instructions]
}

/**
 * The stage that a target names: its name or number; without one the last.
 * @throws {Failure} input, listing the stages that there are.
 */
export const requireTarget = (dockerfile: Dockerfile, target: string | null): Stage => {
  const { stages } = dockerfile
  const found = target === null ? stages.at(-1) : findStage(dockerfile, target, stages.length)
  if (found) return found
  const names = stages.flatMap(({ name }) => name ?? [])
  throw inputFailure(
    target === null
      ? 'the Dockerfile has no FROM'
      : `there is no stage "${target}": ${names.length === 0 ? 'none has a name' : `the stages are ${names.join(', ')}`}`,
  )
}

/**
 * The stages that the target reaches, in the order of the file.
 * @throws {Failure} input, when there is no such target.
 */
export const reachedStages = (dockerfile: Dockerfile, target: string | null): Stage[] => {
  const reached = new Set<Stage>()
  const pending = [requireTarget(dockerfile, target)]
  for (let stage = pending.pop(); stage; stage = pending.pop()) {
    if (reached.has(stage)) continue
    reached.add(stage)
    const { index } = stage
    pending.push(
      ...[
        baseStage(dockerfile, stage),
        ...instructionsOf(dockerfile, stage)
          .flatMap(readsFrom)
          .map(({ source }) => findStage(dockerfile, source, index)),
      ].filter((needed) => needed !== undefined),
    )
  }
  return dockerfile.stages.filter((stage) => reached.has(stage))
}
