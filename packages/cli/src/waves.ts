// The order of a plan's images: what others need comes first.
import type { Plan, PlannedImage } from '@polyarch/documents'
import { inputFailure } from '@polyarch/oci'

/**
 * The images in waves: each wave needs only images of earlier ones, and can be built side by side.
 * @throws {Failure} input, naming images that need each other.
 */
export const orderImages = (plan: Plan): PlannedImage[][] => {
  const waves: PlannedImage[][] = []
  const pending = new Map(plan.images.map((image) => [image.id, image]))
  while (pending.size > 0) {
    const wave = [...pending.values()].filter((image) => !image.needs.some((need) => pending.has(need)))
    if (wave.length === 0) throw inputFailure(`these images need each other: ${[...pending.keys()].join(', ')}`)
    for (const image of wave) pending.delete(image.id)
    waves.push(wave)
  }
  return waves
}
