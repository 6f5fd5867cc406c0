// Finds out everything that the plan needs to know of the images asked for, and makes it.
import type { Host } from '@polyarch/ci-host'
import { type BuildFacts, readBuildFacts } from './build-facts.ts'
import { openBuildFiles } from './build-files.ts'
import { detectChanges } from './change-detection.ts'
import { nameImages } from './image-names.ts'
import { findNeeds, indexImages } from './image-needs.ts'
import type { ImageRequest, PlanRequest } from './image-request.ts'
import type { Inputs } from './inputs.ts'
import type { Machine } from './machine.ts'
import { type ImageFacts, makePlan, type PlanResult } from './plan.ts'
import { type Problem, problemsFailure } from './problem.ts'
import { findCycle } from './request-check.ts'
import { selectImages } from './selection.ts'
import { readTemplateFacts, sourceLabels } from './template-facts.ts'

export interface Planned extends PlanResult {
  readonly notes: readonly string[]
}

const explicitPlatforms = ({ platforms }: ImageRequest, machine: Machine): readonly string[] =>
  platforms === null || platforms === 'auto' ? [machine.platform] : platforms

const needsOf = (
  request: ImageRequest,
  facts: BuildFacts | undefined,
  platforms: readonly string[],
  index: ReadonlyMap<string, string>,
): string[] => {
  const found = platforms.flatMap((platform) => findNeeds(facts?.sources(platform) ?? [], index))
  return [...new Set([...request.needs, ...found.filter((id) => id !== request.id)])]
}

/**
 * The plan for what was asked for.
 * @throws {Failure} input, listing everything that is wrong.
 */
export const planImages = async (
  request: PlanRequest,
  inputs: Inputs,
  machine: Machine,
  host: Host,
): Promise<Planned> => {
  const problems: Problem[] = []
  const source = await host.sourceFacts()
  const template = await readTemplateFacts(host, source)
  const { chosen, skipped, forced } = await selectImages(request.images, inputs, host)

  const named = nameImages(chosen, template, (id) => host.defaultStore(id))
  problems.push(...named.problems)
  const workspace = { directory: host.directory, files: openBuildFiles(host.directory) }
  const builds = new Map<string, BuildFacts>()
  await Promise.all(
    chosen.map(async (image) => {
      const facts = image.build && (await readBuildFacts(image, image.build, workspace, problems))
      if (facts) builds.set(image.id, facts)
    }),
  )
  if (problems.length > 0) throw problemsFailure(problems)

  const index = indexImages([...named.names.values()])
  const candidates = chosen.map((image) => {
    const facts = builds.get(image.id)
    const needs = needsOf(image, facts, explicitPlatforms(image, machine), index)
    return { request: image, id: image.id, build: facts?.build ?? null, needs }
  })
  const cycle = findCycle(candidates)
  const first = chosen.find(({ id }) => id === cycle?.[0])
  if (cycle && first)
    throw problemsFailure([
      { place: first.placeOf(), message: `images are built from each other: ${cycle.join(' -> ')}` },
    ])

  const since = forced ? undefined : inputs['changed-since']
  const detection = since === undefined ? undefined : await detectChanges(since, request, candidates, host)
  const built = candidates.filter(({ id }) => detection === undefined || detection.changed.has(id))
  const images = new Map(
    built.map(({ id, request: image, needs }): [string, ImageFacts] => {
      const facts = builds.get(id)
      return [
        id,
        {
          names: named.names.get(id) ?? { id, repositories: [], tags: [] },
          build: facts?.build ?? null,
          platforms: explicitPlatforms(image, machine),
          prebuilt: image.prebuilt,
          needs,
          executed: facts?.executed ?? (() => []),
          engine: () => ({
            engine: image.engine === 'auto' ? 'kaniko' : image.engine,
            reason: `engine ${image.engine}`,
          }),
        },
      ]
    }),
  )
  const unbuilt = candidates
    .filter(({ id }) => !images.has(id))
    .map(({ id }): [string, string] => [id, detection?.unchanged ?? ''])
  return {
    ...makePlan(request, {
      source,
      forge: host.kind,
      machine,
      labels: sourceLabels(source, template),
      images,
      skipped: new Map([...unbuilt, ...skipped, ...request.skipped]),
    }),
    notes: named.notes,
  }
}
