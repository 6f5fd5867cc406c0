// The mounts of a build as buildah takes them.
import { type BuildMount, checkMounts, openShortPath } from '@polyarch/engine'

export interface Volumes extends AsyncDisposable {
  /** Values of --volume. */
  readonly values: readonly string[]
}

/**
 * Gives each directory a name without the colon that ends it in a flag.
 * @throws {Failure} input, for a path that nothing can be mounted at.
 */
export const openVolumes = async (mounts: readonly BuildMount[]): Promise<Volumes> => {
  await using opened = new AsyncDisposableStack()
  const values: string[] = []
  for (const { directory, path } of checkMounts(mounts))
    values.push(`${opened.use(await openShortPath(directory)).path}:${path}`)
  const kept = opened.move()
  return { values, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}
