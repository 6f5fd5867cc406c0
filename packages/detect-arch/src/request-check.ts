// Checks images against each other: needs that exist and do not go in a circle, tags that only one of them moves.
import type { ImageRequest } from './image-request.ts'
import { formatPlace, type Problem } from './problem.ts'
import { suggestWord } from './spelling.ts'

type Needs = Readonly<Pick<ImageRequest, 'id' | 'needs'>>

/** A circle of needs, first image again at the end; undefined when there is none. */
export const findCycle = (images: readonly Needs[]): readonly string[] | undefined => {
  const needsOf = new Map(images.map(({ id, needs }) => [id, needs]))
  const finished = new Set<string>()
  for (const { id: start } of images) {
    if (finished.has(start)) continue
    const path: string[] = []
    const onPath = new Set<string>()
    // A stack of its own: a chain of a thousand images must not overflow the program's.
    const stack: { readonly id: string; next: number }[] = [{ id: start, next: 0 }]
    path.push(start)
    onPath.add(start)
    for (let top = stack.at(-1); top; top = stack.at(-1)) {
      const need = needsOf.get(top.id)?.[top.next++]
      if (need === undefined) {
        finished.add(top.id)
        onPath.delete(top.id)
        path.pop()
        stack.pop()
      } else if (onPath.has(need)) return [...path.slice(path.indexOf(need)), need]
      else if (needsOf.has(need) && !finished.has(need)) {
        stack.push({ id: need, next: 0 })
        path.push(need)
        onPath.add(need)
      }
    }
  }
  return undefined
}

/** Problems of needs: unknown images and circles. `named` are ids that exist even where they could not be read. */
const needsProblems = (images: readonly ImageRequest[], named: readonly string[]): Problem[] => {
  const known = new Set([...images.map(({ id }) => id), ...named])
  const problems = images.flatMap(({ id, needs, placeOf }) =>
    needs.flatMap((need, position): Problem[] => {
      if (need === id) return [{ place: placeOf('needs', position), message: `${id} needs itself` }]
      if (known.has(need)) return []
      return [
        { place: placeOf('needs', position), message: `there is no image "${need}"${suggestWord(need, [...known])}` },
      ]
    }),
  )
  const cycle = problems.length > 0 ? undefined : findCycle(images)
  const first = images.find(({ id }) => id === cycle?.[0])
  if (cycle && first)
    problems.push({ place: first.placeOf('needs'), message: `needs go in a circle: ${cycle.join(' -> ')}` })
  return problems
}

/** One problem per tag of a repository that a second image moves too. */
export const tagProblems = (
  images: readonly (Pick<ImageRequest, 'id' | 'placeOf'> & {
    readonly repositories: readonly string[]
    readonly tags: readonly string[]
  })[],
): Problem[] => {
  const owners = new Map<string, { readonly id: string; readonly place: string }>()
  return images.flatMap(({ id, repositories, tags, placeOf }) =>
    repositories.flatMap((repository) =>
      tags.flatMap((tag, position): Problem[] => {
        const key = `${repository}:${tag}`
        const owner = owners.get(key)
        const place = placeOf('tags', position)
        if (owner === undefined) owners.set(key, { id, place: formatPlace(place) })
        else if (owner.id !== id)
          return [
            {
              place,
              message: `${key} is image ${owner.id}’s too (${owner.place}): give one of them another tag or repository`,
            },
          ]
        return []
      }),
    ),
  )
}

/** Every problem that images have with each other. */
export const requestProblems = (images: readonly ImageRequest[], named: readonly string[]): Problem[] => [
  ...needsProblems(images, named),
  ...tagProblems(images.map((image) => ({ ...image, repositories: image.repositories ?? [] }))),
  ...images.flatMap(({ tags, placeOf }) =>
    tags.flatMap((tag, position): Problem[] =>
      tags.indexOf(tag) === position
        ? []
        : [{ place: placeOf('tags', position), message: `the tag "${tag}" is listed twice` }],
    ),
  ),
]
