// Other git repositories as sources: resolved to a commit when the plan is made, and fetched once, without history.
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { sourceDirectory } from '@polyarch/documents'
import { inputFailure } from '@polyarch/oci'
import type { RemoteSource } from './image-request.ts'

export interface FetchedSource {
  readonly url: string
  readonly ref: string
  readonly commit: string
  /** Relative to the workspace. */
  readonly directory: string
}

/** What git may be told to fetch: ext:: and other helpers would run programs. */
const urlPattern = /^(?:(?:https?|ssh|git|file):\/\/|[\w.-]+@[\w.-]+:(?!\/\/))[^\s]+$/

const isCommit = (ref: string): boolean => /^[0-9a-f]{40}$/.test(ref)

/**
 * Checks that a url is a repository's, and carries no password: it is recorded in the plan.
 * @throws {Failure} input
 */
const checkSource = ({ url, ref }: RemoteSource): void => {
  if (!urlPattern.test(url)) throw inputFailure(`source: "${url}" is not the address of a git repository`)
  const parsed = URL.parse(url)
  if (parsed && (parsed.password !== '' || (parsed.username !== '' && parsed.protocol.startsWith('http'))))
    throw inputFailure(
      `source: ${parsed.host}: a login does not belong into the url: give it to git’s credential helper`,
    )
  if (ref.startsWith('-') || /[\s~^:?*[\\]|\.\./.test(ref))
    throw inputFailure(`source: "${ref}" is not a branch, tag or commit`)
}

const exists = async (path: string): Promise<boolean> => {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** Fetches sources for one run; the same repository and ref only once. */
export const openSources = (host: Pick<Host, 'exec' | 'directory' | 'log'>) => {
  const git = async (directory: string, ...args: string[]): Promise<string> => {
    const quiet = [
      'core.askPass=true',
      'credential.interactive=false',
      'protocol.ext.allow=never',
      'core.hooksPath=/dev/null',
    ]
    const { code, stdout, stderr } = await host.exec({
      file: 'git',
      args: [...quiet.flatMap((setting) => ['-c', setting]), ...args],
      directory,
    })
    if (code === 0) return stdout
    const reason = stderr.trim().split('\n').at(-1) ?? ''
    throw inputFailure(`source: git ${args[0]} failed: ${reason.replaceAll(/\/\/[^/@\s]*@/g, '//')}`)
  }

  /** A tag wins over a branch of the same name, as in git; of an annotated tag its commit is meant. */
  const resolve = async ({ url, ref }: RemoteSource): Promise<string> => {
    if (isCommit(ref)) return ref
    const names = ref.startsWith('refs/')
      ? [`${ref}^{}`, ref]
      : [`refs/tags/${ref}^{}`, `refs/tags/${ref}`, `refs/heads/${ref}`]
    const listed = await git(
      host.directory,
      'ls-remote',
      '--quiet',
      '--',
      url,
      ...names.map((name) => name.replace('^{}', '')),
      ...names,
    )
    const commits = new Map(
      listed.split('\n').map((line): [string, string] => [line.split('\t')[1] ?? '', line.slice(0, 40)]),
    )
    const commit = names.map((name) => commits.get(name)).find((found) => found !== undefined)
    if (commit === undefined || !isCommit(commit)) throw inputFailure(`source: ${url} has no branch or tag "${ref}"`)
    return commit
  }

  const download = async ({ url }: RemoteSource, commit: string): Promise<string> => {
    const directory = sourceDirectory(commit)
    const target = join(host.directory, directory)
    if (await exists(target)) return directory
    await mkdir(dirname(target), { recursive: true })
    const temporary = await mkdtemp(`${target}.`)
    try {
      await git(temporary, 'init', '--quiet')
      await git(temporary, 'fetch', '--quiet', '--depth=1', '--no-tags', '--', url, commit)
      await git(temporary, 'checkout', '--quiet', '--detach', 'FETCH_HEAD')
      // What is built needs no history, and no address with whatever git keeps next to it.
      await rm(join(temporary, '.git'), { recursive: true, force: true })
      await rename(temporary, target)
    } catch (error) {
      await rm(temporary, { recursive: true, force: true })
      throw error
    }
    return directory
  }

  const fetched = new Map<string, Promise<FetchedSource>>()
  const fetch = async (source: RemoteSource): Promise<FetchedSource> => {
    checkSource(source)
    const commit = await resolve(source)
    const directory = await download(source, commit)
    host.log.info(`source ${source.url} ${source.ref} is ${commit}`)
    return { ...source, commit, directory }
  }
  /**
   * The source, fetched into the workspace.
   * @throws {Failure} input, when it cannot be had.
   */
  return (source: RemoteSource): Promise<FetchedSource> => {
    const key = JSON.stringify([source.url, source.ref])
    const known = fetched.get(key) ?? fetch(source)
    fetched.set(key, known)
    return known
  }
}

export type FetchSource = ReturnType<typeof openSources>
