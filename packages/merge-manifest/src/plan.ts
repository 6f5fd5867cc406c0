// Compares the records with what is wanted: a merge plan, or every reason why there is none.
import { normalize } from 'node:path'
import { type DigestRecord, imageIdOf, legIdOf } from '@polyarch/documents'
import { parseStoreLocation, verificationFailure } from '@polyarch/oci'
import type { MergeRequest } from './request.ts'

/** A digest record and where it was found, for messages. */
export interface FoundRecord {
  readonly record: DigestRecord
  readonly place: string
}

/** Where one platform's image comes from: a record of a leg, or a reference to what was built elsewhere. */
export type ChildSource = { readonly record: DigestRecord } | { readonly prebuilt: string }

export interface PlannedChild {
  readonly platform: string
  readonly source: ChildSource
}

export interface MergePlan {
  readonly image: string
  /** In the order of the index. */
  readonly children: readonly PlannedChild[]
  /** Platforms that the index goes without. */
  readonly missing: readonly string[]
}

const sameStore = (left: string, right: string): boolean => {
  const locations = [parseStoreLocation(left), parseStoreLocation(right)] as const
  if (locations[0].kind !== 'layout' || locations[1].kind !== 'layout') return left === right
  return normalize(`${locations[0].directory}/`) === normalize(`${locations[1].directory}/`)
}

/** Whether the record is another image's of the same plan: it lies here because all legs hand on to one place. */
const isSiblings = (record: DigestRecord, request: MergeRequest): boolean =>
  request.plan !== null && record.plan === request.plan && request.siblings.includes(record.image)

const problemsOf = (
  { record, place }: FoundRecord,
  image: string,
  request: MergeRequest,
  platforms: ReadonlySet<string>,
): string[] => {
  const problems: string[] = []
  const expect = (holds: boolean, problem: string) => {
    if (!holds) problems.push(`${place} ${problem}`)
  }
  const { platform } = record
  expect(
    request.plan === null || record.plan === request.plan,
    `was pushed ${record.plan === null ? 'without a plan' : `for plan ${record.plan}`}, not for plan ${request.plan}`,
  )
  expect(record.image === image, `is of image ${record.image}, not ${image}`)
  expect(
    sameStore(record.repository, request.repositories[0]),
    `names ${record.repository}, not ${request.repositories[0]}`,
  )
  if (!platforms.has(platform)) expect(false, `is of ${platform}, which is not among ${request.platforms.join(', ')}`)
  else if (request.prebuilt[platform] !== undefined)
    expect(false, `is of ${platform}, which was built elsewhere: ${request.prebuilt[platform]}`)
  else if (request.plan !== null)
    expect(
      record.leg === request.legs[platform],
      `is of leg ${record.leg ?? 'none'}: the leg for ${platform} is ${request.legs[platform] ?? 'none'}`,
    )
  return problems
}

/** The records of the newest attempt, where all are of one run: an attempt that was started again replaces the first. */
const newestAttempts = (found: readonly FoundRecord[]): readonly FoundRecord[] => {
  const runs = found.map(({ record }) => record.run)
  const newest = Math.max(...runs.map((run) => run?.attempt ?? 0))
  if (runs.some((run) => run === null || run.id !== runs[0]?.id)) return found
  return found.filter(({ record }) => record.run?.attempt === newest)
}

/** The one record of a platform; several that say the same are one. */
const selectRecord = (platform: string, found: readonly FoundRecord[], problems: string[]): FoundRecord | undefined => {
  const candidates = newestAttempts(found)
  const digests = new Set(candidates.map(({ record }) => record.digest))
  if (digests.size > 1)
    problems.push(`${platform} has ${candidates.length} records: ${candidates.map(({ place }) => place).join(', ')}`)
  return candidates[0]
}

const imageOf = (request: MergeRequest, found: readonly FoundRecord[]): string =>
  request.image ?? found[0]?.record.image ?? imageIdOf(request.repositories[0])

/**
 * The merge that the records allow: exactly the platforms asked for, each once, each pushed for this.
 * @throws {Failure} verification, with every problem in one message.
 */
export const planMerge = (request: MergeRequest, found: readonly FoundRecord[]): MergePlan => {
  const own = found.filter(({ record }) => !isSiblings(record, request))
  const image = imageOf(request, own)
  const problems: string[] = []
  const platforms = new Set(request.platforms)
  const usable = own.filter((candidate) => {
    const found = problemsOf(candidate, image, request, platforms)
    problems.push(...found)
    return found.length === 0
  })
  const children: PlannedChild[] = []
  const missing: string[] = []
  const recordsOf = Map.groupBy(usable, ({ record }) => record.platform)
  const platformsByDigest = new Map<string, string>()
  for (const platform of request.platforms) {
    const prebuilt = request.prebuilt[platform]
    const records = recordsOf.get(platform) ?? []
    if (prebuilt !== undefined) children.push({ platform, source: { prebuilt } })
    else if (records.length > 0) {
      const selected = selectRecord(platform, records, problems)!
      const taken = platformsByDigest.get(selected.record.digest)
      if (taken !== undefined)
        problems.push(`${taken} and ${platform} have the same digest ${selected.record.digest}: one of them is wrong`)
      platformsByDigest.set(selected.record.digest, platform)
      children.push({ platform, source: { record: selected.record } })
    } else if (request.onMissing === 'fail' || request.requiredPlatforms.includes(platform))
      problems.push(`there is no record for ${platform} (leg ${request.legs[platform] ?? legIdOf(image, platform)})`)
    else missing.push(platform)
  }
  if (problems.length === 0 && children.length === 0) problems.push('there is not one record')
  if (problems.length > 0) throw verificationFailure(`cannot merge ${image}: ${problems.join('; ')}`)
  return { image, children, missing }
}
