// Merges what was pushed into one index and moves the tags: reads everything first, checks it, then writes.
import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { handoffName, type MergeResult, readPlan, writeDocument } from '@polyarch/documents'
import {
  type Digest,
  Failure,
  type ManifestContent,
  parseContentLocation,
  parseIndex,
  parseStoreLocation,
} from '@polyarch/oci'
import { openStores } from '@polyarch/stores'
import { planAnchorRemovals, removeAnchors } from './anchors.ts'
import { type Child, readChildren } from './children.ts'
import {
  copyAllReferrers,
  copyChildren,
  copyPrebuilt,
  type Destination,
  findAbsent,
  writeIndex,
} from './destination.ts'
import { receiveRecords } from './handoff.ts'
import { composeIndex } from './index-content.ts'
import type { Inputs } from './inputs.ts'
import type { Outputs } from './outputs.ts'
import { checkOverwrite, parseOverwrite, type RepositoryOutcomes } from './overwrite.ts'
import { type FoundRecord, type MergePlan, planMerge } from './plan.ts'
import { findRecords } from './record-source.ts'
import { describeMerge } from './report.ts'
import { type MergeRequest, reasonForNothing, requestFromInputs, requestFromPlan } from './request.ts'
import { lookUpTags, moveTags, planTag } from './tags.ts'

const nothing: Outputs = { tags: [] }

/** The request, or why there is nothing to do. */
const readRequest = async (inputs: Inputs, host: Host): Promise<MergeRequest | string> => {
  if (inputs.plan === undefined) return requestFromInputs(inputs)
  const plan = await readPlan(inputs.plan, host)
  return reasonForNothing(plan, inputs.image) ?? requestFromPlan(plan, inputs)
}

const gatherRecords = async (request: MergeRequest, inputs: Inputs, host: Host): Promise<FoundRecord[]> => {
  if (inputs.handoff === 'none') return await findRecords(inputs.records, host.directory)
  const received = await receiveRecords(request, host)
  return inputs.records.length === 0 ? received : [...received, ...(await findRecords(inputs.records, host.directory))]
}

const describeResult = (
  request: MergeRequest,
  plan: MergePlan,
  children: readonly Child[],
  index: ManifestContent,
  repositories: readonly RepositoryOutcomes[],
): MergeResult => ({
  schema: 'polyarch.merge/v1',
  plan: request.plan,
  image: plan.image,
  digest: index.descriptor.digest,
  mediaType: index.descriptor.mediaType,
  size: index.descriptor.size,
  platforms: children.map(({ platform, descriptor: { digest, mediaType, size }, layersSize, prebuilt }) => ({
    platform,
    digest,
    mediaType,
    size,
    layersSize,
    prebuilt,
  })),
  repositories: repositories.map(({ repository, tags }) => ({ repository, tags: [...tags] })),
})

/** What the plan's records name and a repository besides the first lacks: asked while the children are read. */
const findAbsentChildren = async (destinations: readonly Destination[], plan: MergePlan): Promise<Set<Digest>[]> => {
  const digests = plan.children.flatMap(({ source }) => ('record' in source ? [source.record.digest as Digest] : []))
  return await Promise.all(
    destinations.map(async ({ store }, position) => await findAbsent(store, position === 0 ? [] : digests)),
  )
}

/**
 * Brings the children and the index into every repository, where the tags do not show that they are there. What refers
 * to them goes along also where they are: whoever signs what was merged and merges again has changed no tag.
 */
const writeContent = async (
  destinations: readonly Destination[],
  children: readonly Child[],
  index: ManifestContent,
  outcomes: readonly RepositoryOutcomes[],
  absent: readonly ReadonlySet<Digest>[],
  host: Host,
): Promise<void> => {
  const onSkipped = (line: string): void => host.log.warning(line)
  const pending = destinations.filter((_, position) => {
    const tags = outcomes[position]?.tags ?? []
    return tags.length === 0 || tags.some((tag) => tag.status !== 'unchanged')
  })
  const [first, ...others] = destinations as readonly [Destination, ...Destination[]]
  if (pending.length > 0) await copyPrebuilt(children, first, onSkipped)
  const writeReferrers = async (destination: Destination): Promise<void> =>
    await copyAllReferrers({ children, index: index.descriptor.digest, source: first.store, destination }, onSkipped)
  const write = async (destination: Destination): Promise<void> => {
    if (!others.includes(destination)) return await writeIndex(destination, index)
    const copy = { children, source: first.store, destination, absent: absent[destinations.indexOf(destination)] }
    await copyChildren(copy)
    // What refers to the children is looked up while the index is on its way: before, it would hold up their blobs.
    await Promise.all([writeIndex(destination, index), writeReferrers(destination)])
  }
  const unchanged = others.filter((destination) => !pending.includes(destination))
  await Promise.all([...pending.map(write), ...unchanged.map(writeReferrers)])
}

/** Moves the tags of all repositories at once, in order inside each; a failure says which tags had moved by then. */
const writeTags = async (
  destinations: readonly Destination[],
  index: ManifestContent,
  outcomes: readonly RepositoryOutcomes[],
): Promise<RepositoryOutcomes[]> => {
  const moved: string[] = []
  const results = await Promise.allSettled(
    destinations.map(async ({ repository, store }, position) => {
      const planned = outcomes[position]?.tags ?? []
      const tags = await moveTags(store, index, planned, (tag) => moved.push(`${repository}:${tag}`))
      return { repository, tags }
    }),
  )
  const failed = results.find((result) => result.status === 'rejected')
  if (!failed) return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  const error: unknown = failed.reason
  if (!(error instanceof Failure) || moved.length === 0) throw error
  throw new Failure(error.kind, `${error.message}; in place by then: ${moved.join(', ')}`, { cause: error })
}

const describeOutputs = (result: MergeResult, index: ManifestContent): Outputs => ({
  digest: result.digest,
  tags: result.repositories.flatMap(({ repository, tags }) => tags.map(({ tag }) => `${repository}:${tag}`)),
  index: { ...parseIndex(index.bytes) },
  result,
})

const finish = async (result: MergeResult, file: string, inputs: Inputs, host: Host): Promise<void> => {
  await writeDocument(file, result)
  for (const line of describeMerge(result)) host.log.info(line)
  if (inputs.handoff === 'none') return
  const repository = result.repositories[0]?.repository ?? ''
  await host.sendFiles(handoffName(result.plan, repository, `${result.image}.merge`), [file])
}

/** Merges what the inputs ask for. Nothing is written before all is read and checked; tags move last. */
export const run = async (inputs: Inputs, host: Host): Promise<Outputs> => {
  const rules = parseOverwrite(inputs.overwrite)
  const request = await readRequest(inputs, host)
  if (typeof request === 'string') {
    host.log.info(`nothing to merge: ${request}`)
    return nothing
  }
  const plan = planMerge(request, await gatherRecords(request, inputs, host))
  for (const platform of plan.missing)
    host.log.warning(`${plan.image}: the index goes without ${platform}, of which there is no record`)
  const file = resolve(host.directory, inputs.result ?? `.polyarch/merge/${plan.image}.json`)
  // A result of an earlier merge must not pass for this one's where this one fails.
  if (!inputs['dry-run']) await rm(file, { force: true })

  await using stores = await openStores(inputs, host)
  const destinations = request.repositories.map(
    (repository): Destination => ({ repository, store: stores.open(parseStoreLocation(repository), 'write') }),
  )
  const [children, previous, absent] = await Promise.all([
    readChildren(plan.children, {
      repository: destinations[0]!.store,
      open: (reference) => stores.open(parseContentLocation(reference).store),
      attestations: inputs.attestations,
    }),
    Promise.all(destinations.map(({ store }) => lookUpTags(store, request.tags))),
    findAbsentChildren(destinations, plan),
  ])
  const index = composeIndex(
    children.map((child) => child.descriptor),
    children.flatMap((child) => child.attestations),
    { mediaType: inputs['media-type'], annotations: request.annotations },
  )
  if (new Set(children.map((child) => child.descriptor.mediaType)).size > 1)
    host.log.info(`${plan.image}: some images are docker's and some OCI's by media type, so the index is OCI`)
  const { digest } = index.descriptor
  const planned = destinations.map(
    ({ repository }, repositoryPosition): RepositoryOutcomes => ({
      repository,
      tags: request.tags.map((tag, position) => planTag(tag, previous[repositoryPosition]?.[position] ?? null, digest)),
    }),
  )
  checkOverwrite(planned, rules)
  if (inputs['dry-run']) {
    const result = describeResult(request, plan, children, index, planned)
    host.log.info('dry run, nothing is written:')
    for (const line of describeMerge(result)) host.log.info(line)
    return describeOutputs(result, index)
  }
  await writeContent(destinations, children, index, planned, absent, host)
  const outcomes = await writeTags(destinations, index, planned)
  const anchors = planAnchorRemovals(plan.children, request.tags)
  const contents = children.flatMap(({ manifests }) => manifests)
  await Promise.all(
    destinations.map((destination) => removeAnchors(destination, anchors, contents, (line) => host.log.warning(line))),
  )
  const result = describeResult(request, plan, children, index, outcomes)
  await finish(result, file, inputs, host)
  return describeOutputs(result, index)
}
