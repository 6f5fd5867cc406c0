// Brings plan and results together: what was merged, in the plan's order, and what is missing.
import type { MergeResult, Plan } from '@polyarch/documents'
import { verificationFailure } from '@polyarch/oci'
import type { Outputs } from './outputs.ts'

/** A merge result and where it was found, for messages. */
export interface FoundResult {
  readonly result: MergeResult
  readonly place: string
}

const byText = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0)

/**
 * The results in the plan's order, or by image without a plan. Results of other plans do not belong here.
 * @throws {Failure} verification, when an image has two different results, or a result is of another plan.
 */
export const planReport = (plan: Plan | undefined, found: readonly FoundResult[]): Outputs => {
  const order = plan?.images.map((image) => image.id)
  const byImage = new Map<string, FoundResult>()
  for (const candidate of found) {
    const { result, place } = candidate
    if (plan !== undefined && (result.plan !== plan.id || !order?.includes(result.image)))
      throw verificationFailure(
        `${place} is of image ${result.image} in plan ${result.plan ?? 'none'}, not of plan ${plan.id}`,
      )
    const other = byImage.get(result.image)
    if (other !== undefined && other.result.digest !== result.digest)
      throw verificationFailure(`${other.place} and ${place} are both of image ${result.image}`)
    byImage.set(result.image, candidate)
  }
  const ids = order ?? [...byImage.keys()].toSorted(byText)
  return {
    images: ids.flatMap((id) => byImage.get(id)?.result ?? []),
    missing: ids.filter((id) => !byImage.has(id)),
  }
}
