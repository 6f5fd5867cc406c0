// Decides whether changed files touch an image. Pure.
import { isDeepStrictEqual } from 'node:util'
import picomatch from 'picomatch'
import type { IgnoreFile } from './ignore-file.ts'
import type { ImageRequest } from './image-request.ts'

export interface WatchedImage {
  readonly id: string
  /** Relative to the workspace; null for an image that is not built from it. */
  readonly build: { readonly context: string; readonly dockerfile?: string } | null
  /** Globs of more paths that count; with `!` before it, of paths that do not. */
  readonly watch: readonly string[]
  readonly ignore: IgnoreFile | undefined
  /** Names of ignore files that count even where they are gone. */
  readonly ignoreNames: readonly string[]
}

/** The first position in a sorted list whose value is not less than the text. */
const lowerBound = (sorted: readonly string[], text: string): number => {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle]! < text) low = middle + 1
    else high = middle
  }
  return low
}

const includes = (sorted: readonly string[], path: string): boolean => sorted[lowerBound(sorted, path)] === path

/** The changed paths below a directory; found by search, since a thousand images may ask. */
const below = function* (sorted: readonly string[], directory: string): Generator<string> {
  const prefix = directory === '.' ? '' : `${directory}/`
  for (let index = lowerBound(sorted, prefix); index < sorted.length; index++) {
    const path = sorted[index]!
    if (!path.startsWith(prefix)) return
    yield path
  }
}

/** A directory above the path that changed as a whole: a submodule that was moved to another commit. */
const changedAbove = (sorted: readonly string[], path: string): string | undefined => {
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    const directory = path.slice(0, end)
    if (includes(sorted, directory)) return directory
  }
  return undefined
}

const never = (): boolean => false

const matchGlobs = (globs: readonly string[]): ((path: string) => boolean) =>
  globs.length === 0 ? never : picomatch([...globs], { dot: true })

/** The changed path that touches the image, the first that is found; undefined where none does. */
export const findTouching = (image: WatchedImage, changed: readonly string[]): string | undefined => {
  const { build, ignore, ignoreNames } = image
  const counts = matchGlobs(image.watch.filter((glob) => !glob.startsWith('!')))
  const isIndifferent = matchGlobs(image.watch.filter((glob) => glob.startsWith('!')).map((glob) => glob.slice(1)))
  if (build !== null) {
    const { context, dockerfile } = build
    // What decides about the build counts even where the ignore file leaves it out of the context.
    const deciding = [...(dockerfile === undefined ? [] : [dockerfile]), ...ignoreNames].find((path) =>
      includes(changed, path),
    )
    if (deciding !== undefined) return deciding
    const above = context === '.' ? undefined : changedAbove(changed, context)
    if (above !== undefined) return above
    const start = context === '.' ? 0 : context.length + 1
    for (const path of below(changed, context))
      if (!isIndifferent(path) && !ignore?.ignores(path.slice(start))) return path
  }
  return counts === never ? undefined : changed.find((path) => counts(path) && !isIndifferent(path))
}

/** Two requests that are equal like this build the same, wherever they are written. */
const withoutPlaces = (request: ImageRequest) => ({ ...request, placeOf: undefined })

/** The ids of images that are asked for otherwise than before, or for the first time. */
export const changedRequests = (before: readonly ImageRequest[], after: readonly ImageRequest[]): Set<string> => {
  const old = new Map(before.map((image) => [image.id, withoutPlaces(image)]))
  return new Set(
    after.filter((image) => !isDeepStrictEqual(old.get(image.id), withoutPlaces(image))).map(({ id }) => id),
  )
}

/** Adds the images that need one of these, and those that need them, and so on. */
export const withDependents = (
  changed: ReadonlyMap<string, string>,
  images: readonly { readonly id: string; readonly needs: readonly string[] }[],
): Map<string, string> => {
  const dependents = new Map<string, string[]>()
  for (const { id, needs } of images)
    for (const need of needs) dependents.set(need, [...(dependents.get(need) ?? []), id])
  const all = new Map(changed)
  const pending = [...changed.keys()]
  for (let id = pending.pop(); id !== undefined; id = pending.pop())
    for (const dependent of dependents.get(id) ?? [])
      if (!all.has(dependent)) {
        all.set(dependent, `needs ${id}`)
        pending.push(dependent)
      }
  return all
}
