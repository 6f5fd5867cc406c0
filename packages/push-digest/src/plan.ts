// Decides what is pushed where: from a leg of a plan, or from inputs that stand for one.
import { parseInput } from '@polyarch/ci-host'
import {
  anchorTag,
  type DigestRecord,
  engineField,
  imageIdOf,
  legIdOf,
  type Plan,
  requireImage,
  requireLeg,
} from '@polyarch/documents'
import {
  type Descriptor,
  formatPlatform,
  formatStoreLocation,
  inputFailure,
  type Manifest,
  mountable,
  type Platform,
  parsePlatform,
  parseStoreLocation,
  type Repository,
  type StoreLocation,
} from '@polyarch/oci'
import type { Inputs } from './inputs.ts'

/** One push: an image of one platform into repositories. */
export interface PushPlan {
  readonly plan: string | null
  readonly leg: string | null
  readonly image: string
  readonly platform: Platform
  /** Stores: the first is pushed to, the others get the same digests. */
  readonly repositories: readonly [string, ...string[]]
  readonly mountFrom: readonly Repository[]
  readonly engine: DigestRecord['engine']
  /** The template of the tags that lead to the image until the merge; absent where its digest is enough. */
  readonly anchor: string | undefined
  /** Names the record's file where nobody does, and the artifact: the leg's id, or the one that it would have. */
  readonly name: string
}

type PlanInputs = Pick<Inputs, 'leg' | 'repository' | 'platform' | 'engine' | 'mount-from' | 'anchor'>

const engineNames = engineField.options

const parseEngine = (text: string | undefined): DigestRecord['engine'] => {
  if (text === undefined) return null
  const at = text.indexOf('@')
  const name = engineNames.find((candidate) => candidate === text.slice(0, at))
  const version = text.slice(at + 1)
  if (at === -1 || name === undefined || version === '')
    throw inputFailure(`input engine: expected NAME@VERSION with ${engineNames.join(', ')}; found "${text}"`)
  return { name, version }
}

const parseRepository = (text: string): string =>
  formatStoreLocation(parseInput('repository', text, parseStoreLocation))

const parseMounts = (texts: readonly string[]): Repository[] =>
  texts.map((text) => {
    const location = parseInput('mount-from', text, parseStoreLocation)
    if (location.kind === 'registry') return location.repository
    throw inputFailure(`input mount-from: "${text}" is no repository of a registry: expected HOST/NAME`)
  })

const parseExpectedPlatform = (text: string): Platform => parseInput('platform', text, parsePlatform)

const planFromInputs = (inputs: PlanInputs): PushPlan => {
  const [first, ...others] = inputs.repository.map((text) => parseRepository(text))
  if (first === undefined) throw inputFailure('input repository is required without a plan: HOST/NAME or oci:DIR')
  if (inputs.platform === undefined) throw inputFailure('input platform is required without a plan, as in linux/arm64')
  if (inputs.leg !== undefined) throw inputFailure('input leg names a leg of a plan: give the plan too')
  const repeated = others.find((repository, position) => repository === first || others.indexOf(repository) < position)
  if (repeated !== undefined) throw inputFailure(`input repository: "${repeated}" is given twice`)
  const platform = parseExpectedPlatform(inputs.platform)
  const image = imageIdOf(first)
  return {
    plan: null,
    leg: null,
    image,
    platform,
    repositories: [first, ...others],
    mountFrom: parseMounts(inputs['mount-from']),
    engine: parseEngine(inputs.engine),
    anchor: inputs.anchor,
    name: legIdOf(image, formatPlatform(platform)),
  }
}

const planFromLeg = (plan: Plan, inputs: PlanInputs): PushPlan => {
  const legs = plan.legs.map((leg) => leg.id).join(', ') || 'none'
  if (inputs.leg === undefined) throw inputFailure(`input leg is required: plan ${plan.id} has ${legs}`)
  const leg = requireLeg(plan, inputs.leg)
  const image = requireImage(plan, leg.image)
  const contradict = (input: string, stated: string, planned: string) =>
    inputFailure(`input ${input} says ${stated}, but plan ${plan.id} says ${planned} for ${leg.id}: leave it out`)
  const repositories = image.repositories.join(', ')
  if (inputs.repository.length > 0 && inputs.repository.join(', ') !== repositories)
    throw contradict('repository', inputs.repository.join(', '), repositories)
  if (inputs.platform !== undefined && formatPlatform(parseExpectedPlatform(inputs.platform)) !== leg.platform)
    throw contradict('platform', inputs.platform, leg.platform)
  const engine = parseEngine(inputs.engine)
  if (engine !== null && engine.name !== leg.engine) throw contradict('engine', engine.name, leg.engine)
  return {
    plan: plan.id,
    leg: leg.id,
    image: image.id,
    platform: parsePlatform(leg.platform),
    repositories: image.repositories as unknown as readonly [string, ...string[]],
    mountFrom: parseMounts(inputs['mount-from']),
    engine,
    anchor: inputs.anchor,
    name: leg.id,
  }
}

/**
 * The push that the inputs ask for; a plan's leg decides everything that it knows.
 * @throws {Failure} input, naming the input that is missing, wrong or against the plan.
 */
export const planPush = (plan: Plan | undefined, inputs: PlanInputs): PushPlan =>
  plan === undefined ? planFromInputs(inputs) : planFromLeg(plan, inputs)

/** The tag that leads to the manifest until the merge; undefined where none is wanted. */
export const anchorOf = (plan: PushPlan, manifest: Descriptor): string | undefined =>
  plan.anchor === undefined ? undefined : anchorTag(plan.anchor, manifest.digest, plan.name)

/** The record of a push that has happened. */
export const describePush = (
  plan: PushPlan,
  image: { readonly descriptor: Descriptor; readonly manifest: Manifest; readonly attestations: readonly Descriptor[] },
  run: DigestRecord['run'],
): DigestRecord => {
  const { mediaType, digest, size, ...entry } = image.descriptor
  return {
    schema: 'polyarch.digest/v1',
    plan: plan.plan,
    leg: plan.leg,
    image: plan.image,
    platform: formatPlatform(plan.platform),
    repository: plan.repositories[0],
    digest,
    mediaType,
    size,
    configDigest: image.manifest.config.digest,
    ...(Object.keys(entry).length === 0 ? {} : { entry: entry as NonNullable<DigestRecord['entry']> }),
    attestations: image.attestations.map((attestation): Descriptor & Record<string, unknown> => ({ ...attestation })),
    ...(plan.anchor === undefined
      ? {}
      : { anchors: [image.descriptor, ...image.attestations].flatMap((manifest) => anchorOf(plan, manifest) ?? []) }),
    engine: plan.engine,
    run,
  }
}

/** Where blobs of the repository may be mounted from: repositories of the same registry, each once, without itself. */
export const mountSources = (plan: PushPlan, repository: string): readonly Repository[] => {
  const target = parseStoreLocation(repository)
  const named = plan.mountFrom.map((source): StoreLocation => ({ kind: 'registry', repository: source }))
  const sources = [parseStoreLocation(plan.repositories[0]), ...named].flatMap((source) => mountable(source, target))
  return [...new Map(sources.map((source) => [source.name, source])).values()]
}
