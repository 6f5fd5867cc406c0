// Makes the plan: what was asked for and the facts about it, to images and legs. Pure.
import type { Host, SourceFacts } from '@polyarch/ci-host'
import {
  type Leg,
  legIdOf,
  orderInWaves,
  type Plan,
  type PlannedBuild,
  type PlannedExtension,
  type PlannedImage,
  sealPlan,
} from '@polyarch/documents'
import type { ImageNames } from './image-names.ts'
import type { ImageRequest, PlanRequest } from './image-request.ts'
import type { Machine } from './machine.ts'
import { type Problem, problemsFailure } from './problem.ts'
import { chooseRunner, type ExecutedLine } from './runner-choice.ts'

/** What was found out about one image. */
export interface ImageFacts {
  readonly names: ImageNames
  /** With paths relative to the workspace, and the remote source's commit. */
  readonly build: PlannedBuild | null
  readonly extend: PlannedExtension | undefined
  readonly platforms: readonly string[]
  /** Platforms that are built elsewhere, to references by digest. */
  readonly prebuilt: Readonly<Record<string, string>>
  /** The images that it needs, said or found. */
  readonly needs: readonly string[]
  /** What has to run while it is built for the platform on a machine of the other. */
  readonly executed: (platform: string, buildPlatform: string) => readonly ExecutedLine[]
  readonly engine: (
    platform: string,
    buildPlatform: string,
  ) => { readonly engine: Leg['engine']; readonly reason: string }
}

export interface PlanFacts {
  readonly source: SourceFacts
  readonly forge: Host['kind']
  readonly machine: Pick<Machine, 'platform' | 'kernel' | 'emulators'>
  /** Labels and annotations that every image gets which does not set them itself. */
  readonly labels: Readonly<Record<string, string>>
  /** By image id; an image without facts was skipped. */
  readonly images: ReadonlyMap<string, ImageFacts>
  readonly skipped: ReadonlyMap<string, string>
}

export interface PlanResult {
  readonly plan: Plan
  /** Why each leg is as it is, by leg id. */
  readonly reasons: ReadonlyMap<string, string>
}

interface Draft {
  readonly id: string
  readonly needs: readonly string[]
  readonly image: PlannedImage
  readonly legs: readonly Leg[]
}

const planImage = (wanted: ImageRequest, found: ImageFacts, facts: PlanFacts): PlannedImage => ({
  id: wanted.id,
  repositories: [...found.names.repositories],
  tags: [...found.names.tags],
  platforms: [...new Set([...found.platforms, ...Object.keys(found.prebuilt)])],
  // What the extensions leave, and what the lifecycle exports over it, is theirs alone.
  labels: found.extend ? {} : { ...facts.labels, ...wanted.labels },
  annotations: { ...facts.labels, ...wanted.annotations },
  build: found.build,
  ...(found.extend ? { extend: found.extend } : {}),
  prebuilt: { ...found.prebuilt },
  needs: found.needs.filter((need) => facts.images.has(need)),
})

/**
 * The plan for the request; images in the order in which they can be built.
 * @throws {Failure} input, listing every image that cannot be planned.
 */
export const makePlan = (request: PlanRequest, facts: PlanFacts): PlanResult => {
  const problems: Problem[] = []
  const reasons = new Map<string, string>()

  const planLegs = (wanted: ImageRequest, found: ImageFacts, { platforms, prebuilt }: PlannedImage): Leg[] =>
    platforms
      .filter((platform) => !Object.hasOwn(prebuilt, platform))
      .flatMap((platform): Leg[] => {
        const answer = chooseRunner({
          platform,
          emulate: wanted.emulate,
          runners: request.runners,
          forge: facts.forge,
          machine: facts.machine,
          executed: (buildPlatform) => found.executed(platform, buildPlatform),
        })
        if ('refusal' in answer) {
          problems.push({ place: wanted.placeOf('platforms'), message: `${wanted.id}: ${answer.refusal}` })
          return []
        }
        const { engine, reason } = found.engine(platform, answer.buildPlatform)
        const id = legIdOf(wanted.id, platform)
        const runner = typeof answer.runner === 'string' ? answer.runner : [...answer.runner]
        reasons.set(id, `${answer.reason}; ${reason}`)
        return [{ id, image: wanted.id, platform, engine, runner, native: answer.native }]
      })

  const drafts = request.images.flatMap((wanted): Draft[] => {
    const found = facts.images.get(wanted.id)
    if (!found) return []
    const image = planImage(wanted, found, facts)
    if (image.platforms.length === 0)
      problems.push({ place: wanted.placeOf('platforms'), message: `${wanted.id} has no platforms` })
    return [{ id: wanted.id, needs: image.needs, image, legs: planLegs(wanted, found, image) }]
  })
  if (problems.length > 0) throw problemsFailure(problems)

  const ordered = orderInWaves(drafts).flat()
  const plan = sealPlan({
    source: { ...facts.source },
    images: ordered.map(({ image }) => image),
    legs: ordered.flatMap(({ legs }) => legs),
    skipped: [...facts.skipped].map(([image, reason]) => ({ image, reason })),
  })
  return { plan, reasons }
}
