// Runs detect-arch: reads what was asked for, finds out what is there, and plans.
import { resolve } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { type PlannedBuild, sealPlan, writeDocument } from '@polyarch/documents'
import { Failure, inputFailure } from '@polyarch/oci'
import { findBuildPaths } from './build-paths.ts'
import type { ImageRequest, PlanRequest } from './image-request.ts'
import type { Inputs } from './inputs.ts'
import { type Machine, readMachine, thisMachine } from './machine.ts'
import { imageMatrix, legMatrix } from './matrix.ts'
import type { Outputs } from './outputs.ts'
import { type ImageFacts, makePlan, type PlanResult } from './plan.ts'
import { type Problem, problemsFailure } from './problem.ts'
import { describeMachine, describePlan } from './report.ts'
import { readRequest } from './request.ts'

const findBuild = async (image: ImageRequest, host: Host, problems: Problem[]): Promise<PlannedBuild | null> => {
  if (image.build === null) return null
  const { context, dockerfile, target, args, source } = image.build
  if (source !== null) throw inputFailure(`image ${image.id}: remote sources cannot be planned yet`)
  try {
    const paths = await findBuildPaths(host.directory, { context, dockerfile })
    return { ...paths, target, args: { ...args }, remote: null }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const key = error.message.includes('Dockerfile') ? 'dockerfile' : 'context'
    problems.push({ place: image.placeOf(key), message: `${image.id}: ${error.message}` })
    return null
  }
}

const findFacts = async (
  image: ImageRequest,
  machine: Machine,
  host: Host,
  problems: Problem[],
): Promise<ImageFacts> => ({
  build: await findBuild(image, host, problems),
  platforms: image.platforms === 'auto' ? [machine.platform] : (image.platforms ?? [machine.platform]),
  prebuilt: image.prebuilt,
  needs: image.needs,
  executed: () => null,
  engine: () => ({ engine: image.engine === 'auto' ? 'kaniko' : image.engine, reason: `engine ${image.engine}` }),
})

const planRequest = async (request: PlanRequest, inputs: Inputs, machine: Machine, host: Host): Promise<PlanResult> => {
  const problems: Problem[] = []
  const chosen = request.images.filter(({ id }) => inputs.images.length === 0 || inputs.images.includes(id))
  const skipped = new Map(
    request.images.filter((image) => !chosen.includes(image)).map(({ id }) => [id, 'not among the images asked for']),
  )
  const images = new Map<string, ImageFacts>()
  for (const image of chosen) images.set(image.id, await findFacts(image, machine, host, problems))
  if (problems.length > 0) throw problemsFailure(problems)
  return makePlan(request, {
    source: await host.sourceFacts(),
    forge: host.kind,
    machine,
    template: {},
    images,
    skipped,
    defaultRepository: (id) => host.defaultStore(id),
  })
}

/** Plans, and tells of the machine where there is nothing to plan. */
export const run = async (inputs: Inputs, host: Host): Promise<Outputs> => {
  const machine = await readMachine(thisMachine(host.env))
  const request = await readRequest(inputs, host)
  for (const doubt of machine.doubts) host.log.warning(doubt)
  let result: PlanResult
  if (request === undefined) {
    host.log.info('nothing to plan: no polyarch.yaml, no image, context or dockerfile')
    host.log.info(describeMachine(machine, host.kind))
    const plan = sealPlan({ source: await host.sourceFacts(), images: [], legs: [], skipped: [] })
    result = { plan, reasons: new Map(), notes: [] }
  } else {
    result = await planRequest(request, inputs, machine, host)
    host.log.info(describePlan(result))
    for (const note of result.notes) host.log.info(note)
  }
  if (inputs.output !== undefined) await writeDocument(resolve(host.directory, inputs.output), result.plan)
  return {
    plan: result.plan,
    matrix: legMatrix(result.plan),
    'merge-matrix': imageMatrix(result.plan),
    empty: result.plan.images.length === 0,
    'host-platform': machine.platform,
  }
}
