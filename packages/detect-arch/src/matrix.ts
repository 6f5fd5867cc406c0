// The plan as the matrices that a forge makes jobs of.
import type { Plan } from '@polyarch/documents'
import type { ImageMatrix, LegMatrix } from './outputs.ts'

/** One entry per leg. */
export const legMatrix = ({ legs }: Pick<Plan, 'legs'>): LegMatrix => ({
  include: legs.map(({ id, image, platform, engine, runner }) => ({ leg: id, image, platform, engine, runner })),
})

/** One entry per image. */
export const imageMatrix = ({ images }: Pick<Plan, 'images'>): ImageMatrix => ({
  include: images.map(({ id }) => ({ image: id })),
})
