// Finds out everything that the plan needs to know of the images asked for, and makes it.
import type { Host } from '@polyarch/ci-host'
import { type EngineVersion, engineNames } from '@polyarch/dockerfile'
import type { PlannedBuild, PlannedExtension } from '@polyarch/documents'
import { findKaniko } from '@polyarch/kaniko'
import { Failure, isStoreError } from '@polyarch/oci'
import { type LookUpImage, openImageLookup, openStores, type Stores } from '@polyarch/stores'
import { findAutoPlatforms } from './auto-platforms.ts'
import { type BuildFacts, readBuildFacts } from './build-facts.ts'
import { openBuildFiles } from './build-files.ts'
import { findContext } from './build-paths.ts'
import { detectChanges } from './change-detection.ts'
import { chooseEngine, type EngineOffer } from './engine-choice.ts'
import { type ImageNames, nameImages } from './image-names.ts'
import { findNeeds, findPlanned, indexImages } from './image-needs.ts'
import type { ImageRequest, PlanRequest } from './image-request.ts'
import type { Inputs } from './inputs.ts'
import type { Machine } from './machine.ts'
import { type ImageFacts, makePlan, type PlanResult } from './plan.ts'
import { resolvePrebuilt } from './prebuilt.ts'
import { type Problem, problemsFailure } from './problem.ts'
import { openSources } from './remote-source.ts'
import { findCycle } from './request-check.ts'
import { selectImages } from './selection.ts'
import { readTemplateFacts, sourceLabels } from './template-facts.ts'

export interface Planned extends PlanResult {
  readonly notes: readonly string[]
}

/** One image with what is known of it before anything is looked up. */
interface Candidate {
  readonly id: string
  readonly request: ImageRequest
  readonly facts: BuildFacts | undefined
  readonly build: PlannedBuild | null
  readonly extend: PlannedExtension | undefined
  readonly needs: readonly string[]
}

const needsOf = (
  request: ImageRequest,
  facts: BuildFacts | undefined,
  index: ReadonlyMap<string, string>,
  machine: Machine,
): string[] => {
  const { platforms } = request
  const asked = platforms === null || platforms === 'auto' ? [machine.platform] : platforms
  const found = asked.flatMap((platform) => findNeeds(facts?.sources(platform, machine.platform) ?? [], index))
  return [...new Set([...request.needs, ...found.filter((id) => id !== request.id)])]
}

const refuseCycle = (candidates: readonly Candidate[]): void => {
  const cycle = findCycle(candidates)
  const first = candidates.find(({ id }) => id === cycle?.[0])
  if (cycle && first)
    throw problemsFailure([
      { place: first.request.placeOf(), message: `images are built from each other: ${cycle.join(' -> ')}` },
    ])
}

/** The extension with its application found; undefined where something is wrong, which is added to the problems. */
const locateExtension = async (
  { id, extend, placeOf }: ImageRequest,
  directory: string,
  problems: Problem[],
): Promise<PlannedExtension | undefined> => {
  if (extend === undefined) return undefined
  try {
    return { ...extend, context: await findContext(directory, extend.context) }
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== 'input') throw error
    problems.push({ place: placeOf('context'), message: `${id}: ${error.message}` })
    return undefined
  }
}

/** What no plan can look into has to be able to run: an extension may do anything. */
const executedBy = ({ request, facts, extend }: Candidate): ImageFacts['executed'] => {
  if (extend === undefined) return facts?.executed ?? (() => [])
  const { file, line = 1 } = request.placeOf('extend')
  return (platform) => [{ file, line, text: 'extend', platform }]
}

/** Every image with what its Dockerfile says. */
const readCandidates = async (
  chosen: readonly ImageRequest[],
  names: ReadonlyMap<string, ImageNames>,
  machine: Machine,
  host: Host,
  problems: Problem[],
): Promise<readonly Candidate[]> => {
  const workspace = {
    directory: host.directory,
    env: host.env,
    files: openBuildFiles(host.directory),
    fetchSource: openSources(host),
  }
  const index = indexImages([...names.values()])
  const candidates = await Promise.all(
    chosen.map(async (request): Promise<Candidate> => {
      const facts =
        request.build === null ? undefined : await readBuildFacts(request, request.build, workspace, problems)
      const needs = needsOf(request, facts, index, machine)
      const extend = await locateExtension(request, host.directory, problems)
      return { id: request.id, request, facts, build: facts?.build ?? null, extend, needs }
    }),
  )
  if (problems.length > 0) throw problemsFailure(problems)
  refuseCycle(candidates)
  return candidates
}

/** The platforms of images, `auto` looked up; an image that is built from another of the plan asks that one. */
const openPlatforms = (
  candidates: readonly Candidate[],
  names: ReadonlyMap<string, ImageNames>,
  machine: Machine,
  lookUp: LookUpImage,
  problems: Problem[],
  notes: string[],
) => {
  const byId = new Map(candidates.map((candidate) => [candidate.id, candidate]))
  const index = indexImages([...names.values()])
  const known = new Map<string, Promise<readonly string[]>>()
  const find = async ({ id, request, facts }: Candidate): Promise<readonly string[]> => {
    if (request.platforms === null) return [machine.platform]
    if (request.platforms !== 'auto') return request.platforms
    if (facts === undefined) return []
    try {
      const { platforms, reasons } = await findAutoPlatforms(facts, async (reference, location) => {
        const own = byId.get(findPlanned(reference, index) ?? '')
        return own === undefined || own.id === id ? (await lookUp(location)).platforms : await platformsOf(own)
      })
      notes.push(...reasons.map((reason) => `${id}: ${reason}`))
      return platforms
    } catch (error) {
      if (
        !(error instanceof Failure) ||
        (error.kind !== 'input' && !isStoreError(error, 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN'))
      )
        throw error
      problems.push({ place: request.placeOf('platforms'), message: `${id}: ${error.message}` })
      return []
    }
  }
  const platformsOf = (candidate: Candidate): Promise<readonly string[]> => {
    const found = known.get(candidate.id) ?? find(candidate)
    known.set(candidate.id, found)
    return found
  }
  return platformsOf
}

/** The engines to choose from; kaniko's version is only asked for where somebody chooses. */
const findOffer = async (
  { engines = engineNames }: PlanRequest,
  inputs: Inputs,
  candidates: readonly Candidate[],
  host: Host,
  stores: Stores,
): Promise<EngineOffer> => {
  const isJudged = candidates.some(({ request, facts }) => request.engine === 'auto' && facts !== undefined)
  const kaniko: EngineVersion =
    isJudged && engines.includes('kaniko')
      ? await findKaniko({ ...inputs, launcher: 'auto' }, host, stores)
      : { engine: 'kaniko' }
  const [first = kaniko, ...others] = engines.map((engine) => (engine === 'kaniko' ? kaniko : { engine }))
  return [first, ...others]
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
  const { names, problems: wrongNames, notes: nameNotes } = nameImages(chosen, template, (id) => host.defaultStore(id))
  problems.push(...wrongNames)
  const candidates = await readCandidates(chosen, names, machine, host, problems)

  const since = forced ? undefined : inputs['changed-since']
  const detection = since === undefined ? undefined : await detectChanges(since, request, candidates, host)
  const isBuilt = ({ id }: Candidate): boolean => detection === undefined || detection.changed.has(id)

  await using stores = await openStores(inputs, host)
  const lookUp = openImageLookup(stores)
  const offer = await findOffer(request, inputs, candidates, host, stores)
  const notes: string[] = []
  const platformsOf = openPlatforms(candidates, names, machine, lookUp, problems, notes)
  const found = await Promise.all(
    candidates.filter(isBuilt).map(async (candidate): Promise<[string, ImageFacts]> => {
      const { id, request: image, facts, build, extend, needs } = candidate
      const asked = await platformsOf(candidate)
      const prebuilt = await resolvePrebuilt(image, lookUp, problems)
      return [
        id,
        {
          names: names.get(id) ?? { id, repositories: [], tags: [] },
          build,
          extend,
          platforms: asked,
          prebuilt,
          needs,
          executed: executedBy(candidate),
          engine: (platform, buildPlatform) => chooseEngine(offer, image.engine, facts, platform, buildPlatform),
        },
      ]
    }),
  )
  if (problems.length > 0) throw problemsFailure(problems)

  const unchanged = candidates
    .filter((candidate) => !isBuilt(candidate))
    .map(({ id }): [string, string] => [id, detection?.unchanged ?? ''])
  const result = makePlan(request, {
    source,
    forge: host.kind,
    machine,
    labels: sourceLabels(source, template),
    images: new Map(found),
    skipped: new Map([...unchanged, ...skipped, ...request.skipped]),
  })
  const built = new Set(found.map(([id]) => id))
  const ofNames = nameNotes.filter(({ id }) => built.has(id)).map(({ id, message }) => `${id}: ${message}`)
  return { ...result, notes: [...notes, ...ofNames] }
}
