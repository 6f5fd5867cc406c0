// Takes a blob over from another repository of the same host, as long as that is worth asking for.
import { isStoreError, type Repository } from '@polyarch/oci'
import { openedUpload } from './chunks.ts'
import { Refusal } from './errors.ts'
import { forgetBlob, type MountSource, type RegistryHost, readScope, writeScope } from './registry-host.ts'
import { isTransientStatus } from './retry.ts'
import { cancelUpload, openingRequest, type Upload, type UploadSession } from './upload-session.ts'

/** How many mounts from a repository that never gave a blob are tried before it is taken for one that has none. */
const mostMisses = 3

const sourceOf = ({ facts }: RegistryHost, name: string): MountSource => {
  const source = facts.mountSources.get(name) ?? {
    hasMounted: false,
    isRefused: false,
    opensUploads: false,
    misses: 0,
    underWay: new Set(),
  }
  facts.mountSources.set(name, source)
  return source
}

/** A repository to mount from, and whether it is known to have the blob. */
interface Candidate {
  readonly name: string
  readonly isHolder: boolean
}

/** Repositories of the host that have the blob, of which one is enough, then those that may have it. */
const candidatesOf = ({ host, repository, descriptor, mountFrom, heldBy }: Upload): readonly Candidate[] => {
  const namesOf = (repositories: readonly Repository[]): string[] =>
    repositories.filter((from) => from.host === host.name && from.name !== repository).map(({ name }) => name)
  const holders = [...(host.facts.blobs.get(descriptor.digest) ?? []), ...namesOf(heldBy)]
  const holder = holders.find((name) => name !== repository && !sourceOf(host, name).isRefused)
  const others = new Set(namesOf(mountFrom).filter((name) => name !== holder))
  return [
    ...(holder === undefined ? [] : [{ name: holder, isHolder: true }]),
    ...[...others].map((name) => ({ name, isHolder: false })),
  ]
}

/**
 * Begins a mount from the source, and gives what is to be called at its end; undefined where it would most likely be
 * none. Unless it is known to have the blob only a few are under way until it has given one: the others wait to see what
 * becomes of those.
 */
const beginMount = async (source: MountSource, isHolder: boolean): Promise<(() => void) | undefined> => {
  for (;;) {
    if (source.isRefused && !source.hasMounted) return undefined
    if (isHolder || source.hasMounted || source.misses + source.underWay.size < mostMisses) {
      const { promise, resolve } = Promise.withResolvers<void>()
      source.underWay.add(promise)
      return () => {
        source.underWay.delete(promise)
        resolve()
      }
    }
    if (source.underWay.size === 0) return undefined
    await Promise.race(source.underWay)
  }
}

/**
 * Whether the registry answered that it does not mount, in whatever words: a mount only saves the upload, which says
 * what is wrong where more is.
 */
const isMountRefused = (error: unknown): boolean =>
  error instanceof Refusal &&
  !['UNREACHABLE', 'TOOMANYREQUESTS'].includes(error.code) &&
  // After the last attempt these are final too, but say nothing about the mount.
  !isTransientStatus(error.request?.status ?? 0)

/** Asks for the blob of the other repository: 'mounted', an upload instead, or undefined where it was refused. */
const requestMount = async (upload: Upload, name: string): Promise<UploadSession | 'mounted' | undefined> => {
  const { host, repository, descriptor } = upload
  const source = sourceOf(host, name)
  const query = new URLSearchParams({ mount: descriptor.digest, from: name })
  try {
    const response = await host.call({
      ...openingRequest(upload),
      target: `blobs/uploads/?${query.toString()}`,
      scopes: [writeScope(repository), readScope(name)],
      accept: [201, 202],
    })
    if (response.status === 201) {
      source.hasMounted = true
      return 'mounted'
    }
    source.misses += 1
    source.opensUploads = true
    return openedUpload(host, response)
  } catch (error) {
    // What is said of one blob is not said of the repository.
    if (isStoreError(error, 'BLOB_UNKNOWN')) source.misses += 1
    else source.isRefused = true
    if (!isMountRefused(error)) throw error
    forgetBlob(host, descriptor.digest, name)
    return undefined
  }
}

/**
 * Mounts the blob from the first repository that gives it: 'mounted', or the upload that the registry opened instead,
 * or undefined where there is neither.
 */
export const mountBlob = async (upload: Upload): Promise<UploadSession | 'mounted' | undefined> => {
  const { host, repository } = upload
  const candidates = candidatesOf(upload)
  const left = new Set(candidates.map(({ name }) => name))
  let opened: UploadSession | undefined
  for (const { name, isHolder } of candidates) {
    const end = await beginMount(sourceOf(host, name), isHolder)
    if (end === undefined) continue
    left.delete(name)
    const answer = await requestMount(upload, name).finally(end)
    const needless = opened === undefined ? undefined : answer === 'mounted' ? opened : answer
    if (needless !== undefined) await cancelUpload(host, repository, needless.url)
    if (answer === 'mounted') return answer
    opened ??= answer
  }
  if (opened !== undefined) return opened
  // An upload has to be opened anyway: where a mount that is none does that too, asking once more costs nothing.
  const last = [...left].find((name) => {
    const { opensUploads, isRefused } = sourceOf(host, name)
    return opensUploads && !isRefused
  })
  return last === undefined ? undefined : await requestMount(upload, last)
}
