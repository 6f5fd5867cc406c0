// What a merge is asked for: from a plan, or from inputs that stand for one.

import { parseInput, requireValues } from '@polyarch/ci-host'
import { type Plan, type PlannedImage, requireImage } from '@polyarch/documents'
import {
  formatPlatform,
  formatStoreLocation,
  inputFailure,
  isTag,
  parseContentLocation,
  parsePlatform,
  parseStoreLocation,
} from '@polyarch/oci'
import type { Inputs } from './inputs.ts'

/** The index that is wanted, whatever the records turn out to say. */
export interface MergeRequest {
  /** The plan's id; null without one. */
  readonly plan: string | null
  /** The image's id; null where only the records can say it. */
  readonly image: string | null
  /** The plan's other images, whose records may lie beside this image's. */
  readonly siblings: readonly string[]
  /** Stores: the records name the first, the others get the same digests. */
  readonly repositories: readonly [string, ...string[]]
  /** In the order of the index. */
  readonly platforms: readonly string[]
  /** The leg that builds a platform; empty without a plan. */
  readonly legs: Readonly<Record<string, string>>
  readonly tags: readonly string[]
  readonly annotations: Readonly<Record<string, string>>
  /** Where the platforms are that were built elsewhere: HOST/NAME@DIGEST or oci:DIR@DIGEST by platform. */
  readonly prebuilt: Readonly<Record<string, string>>
  readonly onMissing: 'fail' | 'allow'
  readonly requiredPlatforms: readonly string[]
}

/** The inputs that say what is wanted, apart from those on how to do it. */
export type RequestInputs = Pick<
  Inputs,
  'image' | 'repository' | 'platforms' | 'tags' | 'annotations' | 'sources' | 'on-missing' | 'required-platforms'
>

const parsePlatforms = (input: string, texts: readonly string[]): string[] =>
  texts.map((text) => formatPlatform(parseInput(input, text, parsePlatform)))

const refuseRepeated = (input: string, values: readonly string[]): void => {
  const seen = new Set<string>()
  for (const value of values) {
    if (seen.has(value)) throw inputFailure(`input ${input}: "${value}" is given twice`)
    seen.add(value)
  }
}

const parseRepository = (text: string): string =>
  formatStoreLocation(parseInput('repository', text, parseStoreLocation))

/** The content location of an image built elsewhere, which must be pinned. */
const parsePrebuilt = (place: string, text: string): string => {
  const location = parseContentLocation(text)
  if (location.digest === undefined)
    throw inputFailure(`${place}: "${text}" can change: name the image by its digest, …@sha256:…`)
  return text
}

const parseSources = (lines: readonly string[]): Record<string, string> => {
  const sources = lines.map((line): [string, string] => {
    const equals = line.indexOf('=')
    if (equals === -1) throw inputFailure(`input sources: expected platform=HOST/NAME@DIGEST, found "${line}"`)
    const [platform = ''] = parsePlatforms('sources', [line.slice(0, equals)])
    return [platform, parsePrebuilt(`input sources: ${platform}`, line.slice(equals + 1).trim())]
  })
  refuseRepeated(
    'sources',
    sources.map(([platform]) => platform),
  )
  return Object.fromEntries(sources)
}

const checkRequest = (request: MergeRequest): MergeRequest => {
  refuseRepeated('repository', request.repositories)
  refuseRepeated('platforms', request.platforms)
  for (const tag of request.tags)
    if (!isTag(tag)) throw inputFailure(`input tags: "${tag}" is not a tag (letters, digits, _ . -; 128 at most)`)
  for (const platform of [...Object.keys(request.prebuilt), ...request.requiredPlatforms])
    if (!request.platforms.includes(platform))
      throw inputFailure(`${platform} is not among the platforms of the index: ${request.platforms.join(', ')}`)
  return request
}

const sharedParts = (inputs: RequestInputs) => ({
  onMissing: inputs['on-missing'],
  requiredPlatforms: parsePlatforms('required-platforms', inputs['required-platforms']),
})

/**
 * The request that inputs alone make.
 * @throws {Failure} input, naming the input that is missing or wrong.
 */
export const requestFromInputs = (inputs: RequestInputs): MergeRequest => {
  const [first, ...others] = inputs.repository.map(parseRepository)
  if (first === undefined) throw inputFailure('input repository is required without a plan: HOST/NAME or oci:DIR')
  const sources = parseSources(inputs.sources)
  const platforms = parsePlatforms('platforms', inputs.platforms)
  if (platforms.length === 0)
    throw inputFailure('input platforms is required without a plan: exactly those that the index is to have')
  return checkRequest({
    plan: null,
    image: inputs.image ?? null,
    siblings: [],
    repositories: [first, ...others],
    platforms,
    legs: {},
    tags: [...new Set(inputs.tags)],
    annotations: requireValues('annotations', inputs.annotations),
    prebuilt: sources,
    ...sharedParts(inputs),
  })
}

const refuseContradiction = (image: PlannedImage, inputs: RequestInputs): void => {
  const given: Readonly<Record<string, readonly [stated: readonly string[], planned: readonly string[]]>> = {
    repository: [inputs.repository, image.repositories],
    platforms: [inputs.platforms, image.platforms],
    tags: [inputs.tags, image.tags],
    annotations: [
      Object.entries(inputs.annotations).map(([key, value]) => `${key}=${value ?? ''}`),
      Object.entries(image.annotations).map(([key, value]) => `${key}=${value}`),
    ],
  }
  for (const [input, [stated, planned]] of Object.entries(given))
    if (stated.length > 0 && stated.join('\n') !== planned.join('\n'))
      throw inputFailure(
        `input ${input} contradicts the plan, which says ${planned.join(', ') || 'none'} for ${image.id}: leave it out`,
      )
}

/** Why there is nothing to merge, or undefined where there is. */
export const reasonForNothing = (plan: Plan, imageId: string | undefined): string | undefined => {
  const skipped = plan.skipped.find((entry) => entry.image === imageId)
  if (skipped && !plan.images.some((image) => image.id === imageId))
    return `${skipped.image} was skipped: ${skipped.reason}`
  return plan.images.length === 0 ? `plan ${plan.id} has no images` : undefined
}

/**
 * The request that a plan makes for one of its images.
 * @throws {Failure} input, when the plan has no such image, or an input contradicts it.
 */
export const requestFromPlan = (plan: Plan, inputs: RequestInputs): MergeRequest => {
  if (inputs.image === undefined && plan.images.length !== 1)
    throw inputFailure(
      `input image is required: plan ${plan.id} has ${plan.images.map((image) => image.id).join(', ')}`,
    )
  const image = requireImage(plan, inputs.image ?? plan.images[0]!.id)
  refuseContradiction(image, inputs)
  const planned = Object.entries(image.prebuilt).map(([platform, text]): [string, string] => [
    platform,
    parsePrebuilt(`plan ${plan.id}: ${image.id}: prebuilt ${platform}`, text),
  ])
  const sources = Object.entries(parseSources(inputs.sources))
  for (const [platform, text] of sources)
    if (image.prebuilt[platform] !== undefined && image.prebuilt[platform] !== text)
      throw inputFailure(`input sources: the plan says ${image.prebuilt[platform]} for ${platform}: leave it out`)
  return checkRequest({
    plan: plan.id,
    image: image.id,
    siblings: plan.images.map(({ id }) => id).filter((id) => id !== image.id),
    repositories: image.repositories as unknown as readonly [string, ...string[]],
    platforms: image.platforms,
    legs: Object.fromEntries(plan.legs.filter((leg) => leg.image === image.id).map((leg) => [leg.platform, leg.id])),
    tags: image.tags,
    annotations: image.annotations,
    prebuilt: Object.fromEntries([...planned, ...sources]),
    ...sharedParts(inputs),
  })
}
