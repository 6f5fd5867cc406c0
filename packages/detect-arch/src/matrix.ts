// The plan as the matrices that a forge makes jobs of, cut to what a forge takes.
import type { Host } from '@polyarch/ci-host'
import type { Plan } from '@polyarch/documents'
import { inputFailure } from '@polyarch/oci'
import { type ImageMatrix, imageShards, type LegMatrix, legShards, type Outputs } from './outputs.ts'

/** One entry per leg. */
const legMatrix = ({ images, legs }: Pick<Plan, 'images' | 'legs'>): LegMatrix => {
  const extensions = new Map(images.map(({ id, extend }) => [id, extend ? { extend: extend.kind } : {}]))
  return {
    include: legs.map(({ id, image, platform, engine, runner }) => ({
      leg: id,
      image,
      platform,
      engine,
      runner,
      ...extensions.get(image),
    })),
  }
}

/** One entry per image. */
const imageMatrix = ({ images }: Pick<Plan, 'images'>): ImageMatrix => ({
  include: images.map(({ id }) => ({ image: id })),
})

/** The jobs of one matrix (https://docs.github.com/actions/reference/limits). */
const matrixLimit = 256

/**
 * The characters of all outputs of a job: 1 MiB of UTF-16
 * (https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idoutputs).
 */
const outputLimit = 524_288

/**
 * The bytes of one variable of the environment, by which inputs reach a step, on Linux
 * (MAX_ARG_STRLEN, https://man7.org/linux/man-pages/man2/execve.2.html).
 */
const variableLimit = 131_071

const shardsOf = <T>(name: string, entries: readonly T[], most: number): Record<string, { include: T[] }> => {
  const count = Math.ceil(entries.length / matrixLimit)
  if (count > most)
    throw inputFailure(
      `${entries.length} jobs are more than ${most} matrices of ${matrixLimit} hold: plan fewer images at once, with images or changed-since`,
    )
  return Object.fromEntries(
    Array.from({ length: count }, (_, shard) => [
      `${name}-${shard}`,
      { include: entries.slice(shard * matrixLimit, (shard + 1) * matrixLimit) },
    ]),
  )
}

/** Shards besides, under names that carry their number. */
type Matrices = Pick<Outputs, 'matrix' | 'merge-matrix'> & Record<never, never>

/**
 * The matrices of the plan. On GitHub one that is too long for a job matrix is left out: its shards are there instead.
 * @throws {Failure} input, for more jobs than all shards hold.
 */
export const planMatrices = (plan: Plan, forge: Host['kind']): Matrices => {
  const legs = legMatrix(plan)
  const images = imageMatrix(plan)
  const fits = ({ include }: LegMatrix | ImageMatrix): boolean => forge !== 'github' || include.length <= matrixLimit
  return {
    ...(fits(legs) ? { matrix: legs } : {}),
    ...(fits(images) ? { 'merge-matrix': images } : {}),
    ...(forge === 'github'
      ? {
          ...shardsOf('matrix', legs.include, legShards),
          ...shardsOf('merge-matrix', images.include, imageShards),
        }
      : {}),
  }
}

/**
 * Whether a forge takes the plan as an output next to the others, and as the input of a step.
 * @throws {Failure} input, where the others alone are too long.
 */
export const planFits = (plan: Plan, others: object, forge: Host['kind']): boolean => {
  if (forge !== 'github') return true
  const length = JSON.stringify(others).length
  if (length > outputLimit)
    throw inputFailure(
      `${plan.legs.length} legs make ${length} characters of outputs, more than the ${outputLimit} that a job may have: plan fewer images at once, with images or changed-since`,
    )
  const text = JSON.stringify(plan)
  return length + text.length <= outputLimit && Buffer.byteLength(`INPUT_PLAN=${text}`) <= variableLimit
}

/** Whether a forge takes all of these outputs of one job. */
export const outputsFit = (outputs: object, forge: Host['kind']): boolean =>
  forge !== 'github' || JSON.stringify(outputs).length <= outputLimit
