// Orders images so that each comes after what it needs.

interface Needing {
  readonly id: string
  readonly needs: readonly string[]
}

/** The images in waves: all that an image needs is in waves before its own. The needs have no circle. */
export const orderInWaves = <T extends Needing>(images: readonly T[]): T[][] => {
  const byId = new Map(images.map((image) => [image.id, image]))
  const waiting = new Map(images.map((image) => [image.id, new Set(image.needs.filter((need) => byId.has(need))).size]))
  const dependents = new Map<string, string[]>()
  for (const image of images)
    for (const need of new Set(image.needs)) dependents.set(need, [...(dependents.get(need) ?? []), image.id])
  const waves: T[][] = []
  let ready = images.filter((image) => waiting.get(image.id) === 0)
  while (ready.length > 0) {
    waves.push(ready)
    const next = new Set<string>()
    for (const { id } of ready)
      for (const dependent of dependents.get(id) ?? []) {
        const left = (waiting.get(dependent) ?? 0) - 1
        waiting.set(dependent, left)
        if (left === 0) next.add(dependent)
      }
    ready = images.filter((image) => next.has(image.id))
  }
  return waves
}
