// Finds an image or a leg in a plan by its id.
import { inputFailure } from '@polyarch/oci'
import type { Leg, Plan, PlannedImage } from './plan.ts'

const require = <T extends { readonly id: string }>(what: string, plan: Plan, items: readonly T[], id: string): T => {
  const found = items.find((item) => item.id === id)
  if (found) return found
  const known = items.map((item) => item.id).join(', ') || 'none'
  throw inputFailure(`${what} "${id}" is not in plan ${plan.id}; it has: ${known}`)
}

/**
 * The image with this id in the plan.
 * @throws {Failure} input, listing the ids that there are.
 */
export const requireImage = (plan: Plan, id: string): PlannedImage => require('image', plan, plan.images, id)

/**
 * The leg with this id in the plan.
 * @throws {Failure} input, listing the ids that there are.
 */
export const requireLeg = (plan: Plan, id: string): Leg => require('leg', plan, plan.legs, id)
