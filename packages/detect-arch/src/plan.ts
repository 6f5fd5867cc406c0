// Makes the plan: what was asked for and the facts about it, to images and legs. Pure.
import type { Host, SourceFacts } from '@polyarch/ci-host'
import { type Leg, legIdOf, type Plan, type PlannedBuild, type PlannedImage, sealPlan } from '@polyarch/documents'
import { isTag } from '@polyarch/oci'
import type { ImageRequest, PlanRequest } from './image-request.ts'
import type { Machine } from './machine.ts'
import { type Problem, problemsFailure } from './problem.ts'
import { tagProblems } from './request-check.ts'
import { chooseRunner, type ExecutedLine } from './runner-choice.ts'
import { fillTagTemplate, type TemplateFacts } from './tag-template.ts'
import { orderInWaves } from './waves.ts'

/** What was found out about one image. */
export interface ImageFacts {
  /** With paths relative to the workspace, and the remote source's commit. */
  readonly build: PlannedBuild | null
  readonly platforms: readonly string[]
  readonly prebuilt: Readonly<Record<string, string>>
  /** The images that it needs, said or found. */
  readonly needs: readonly string[]
  /** What has to run on the platform while it is built; null: nothing. */
  executed(platform: string): ExecutedLine | null
  engine(platform: string): { readonly engine: Leg['engine']; readonly reason: string }
}

export interface PlanFacts {
  readonly source: SourceFacts
  readonly forge: Host['kind']
  readonly machine: Pick<Machine, 'platform' | 'kernel' | 'emulators'>
  readonly template: TemplateFacts
  /** By image id; an image without facts was skipped. */
  readonly images: ReadonlyMap<string, ImageFacts>
  readonly skipped: ReadonlyMap<string, string>
  defaultRepository(id: string): string
}

export interface PlanResult {
  readonly plan: Plan
  /** Why each leg is as it is, by leg id. */
  readonly reasons: ReadonlyMap<string, string>
  readonly notes: readonly string[]
}

const fillTags = (request: ImageRequest, template: TemplateFacts, problems: Problem[], notes: string[]): string[] => {
  const tags: string[] = []
  for (const [position, written] of request.tags.entries()) {
    const filled = fillTagTemplate(written, template)
    if ('missing' in filled) notes.push(`${request.id}: no tag "${written}": there is no ${filled.missing} here`)
    else if (!isTag(filled.tag))
      problems.push({
        place: request.placeOf('tags', position),
        message: `"${written}" becomes "${filled.tag}", which is not a tag`,
      })
    else if (!tags.includes(filled.tag)) tags.push(filled.tag)
  }
  if (tags.length === 0) notes.push(`${request.id}: no tags: the result can be had by digest only`)
  return tags
}

/**
 * The plan for the request; images in the order in which they can be built.
 * @throws {Failure} input, listing every image that cannot be planned.
 */
export const makePlan = (request: PlanRequest, facts: PlanFacts): PlanResult => {
  const problems: Problem[] = []
  const notes: string[] = []
  const reasons = new Map<string, string>()
  const images: {
    readonly id: string
    readonly needs: readonly string[]
    readonly image: PlannedImage
    readonly legs: Leg[]
  }[] = []

  for (const wanted of request.images) {
    const found = facts.images.get(wanted.id)
    if (!found) continue
    const platforms = [...new Set([...found.platforms, ...Object.keys(found.prebuilt)])]
    if (platforms.length === 0)
      problems.push({ place: wanted.placeOf('platforms'), message: `${wanted.id} has no platforms` })
    const image: PlannedImage = {
      id: wanted.id,
      repositories: [...(wanted.repositories ?? [facts.defaultRepository(wanted.id)])],
      tags: fillTags(wanted, facts.template, problems, notes),
      platforms,
      labels: { ...wanted.labels },
      annotations: { ...wanted.annotations },
      build: found.build,
      prebuilt: { ...found.prebuilt },
      needs: found.needs.filter((need) => facts.images.has(need)),
    }
    const legs: Leg[] = []
    for (const platform of platforms.filter((name) => !Object.hasOwn(found.prebuilt, name))) {
      const answer = chooseRunner({
        platform,
        emulate: wanted.emulate,
        runners: request.runners,
        forge: facts.forge,
        machine: facts.machine,
        executed: found.executed(platform),
      })
      if ('refusal' in answer) {
        problems.push({ place: wanted.placeOf('platforms'), message: `${wanted.id}: ${answer.refusal}` })
        continue
      }
      const { engine, reason } = found.engine(platform)
      const id = legIdOf(wanted.id, platform)
      const runner = typeof answer.runner === 'string' ? answer.runner : [...answer.runner]
      legs.push({ id, image: wanted.id, platform, engine, runner, native: answer.native })
      reasons.set(id, `${answer.reason}; ${reason}`)
    }
    images.push({ id: wanted.id, needs: image.needs, image, legs })
  }
  const requests = new Map(request.images.map((image) => [image.id, image]))
  problems.push(
    ...tagProblems(
      images.flatMap(({ id, image }) => {
        const wanted = requests.get(id)
        return wanted ? [{ id, repositories: image.repositories, tags: image.tags, placeOf: wanted.placeOf }] : []
      }),
    ),
  )
  if (problems.length > 0) throw problemsFailure(problems)

  const ordered = orderInWaves(images).flat()
  const plan = sealPlan({
    source: { ...facts.source },
    images: ordered.map(({ image }) => image),
    legs: ordered.flatMap(({ legs }) => legs),
    skipped: [...facts.skipped].map(([image, reason]) => ({ image, reason })),
  })
  return { plan, reasons, notes }
}
