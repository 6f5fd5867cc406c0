// What changed in the workspace since another commit.
import type { Host } from '@polyarch/ci-host'
import { inputFailure } from '@polyarch/oci'
import { type ChangeBase, forgeBase } from './change-base.ts'
import { type Git, openGit } from './git.ts'

export interface Changes {
  /** The commit that the workspace was compared with, 40 hex digits. */
  readonly base: string
  /** Relative to the workspace, sorted; deleted files and both names of renamed ones too. */
  readonly paths: readonly string[]
  /** What a file held at the base; undefined where it was not there. */
  readonly readOld: (path: string) => Promise<string | undefined>
}

export type ChangeAnswer = Changes | { readonly everything: string }

const commitOf = (git: Git, revision: string): Promise<string | undefined> =>
  git.ask('rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`)

/** Fetches a commit that a shallow clone does not have. */
const fetchCommit = async (git: Git, commit: string): Promise<string | undefined> => {
  if (!/^[0-9a-f]{40}$/.test(commit)) return undefined
  const remotes = (await git.ask('remote'))?.split('\n') ?? []
  const remote = remotes.includes('origin') ? 'origin' : remotes[0]
  if (!remote) return undefined
  // A clone with its history keeps it: only a shallow one is given one commit more.
  const depth = (await git.ask('rev-parse', '--is-shallow-repository')) === 'true' ? ['--depth=1'] : []
  await git.ask('fetch', '--quiet', '--no-tags', '--no-recurse-submodules', ...depth, remote, commit)
  return await commitOf(git, commit)
}

const diffPaths = async (git: Git, base: string, host: Pick<Host, 'kind'>): Promise<readonly string[] | undefined> => {
  const options = ['--name-only', '-z', '--no-renames', '--no-ext-diff', '--no-textconv', '--relative']
  if (host.kind !== 'terminal') return await git.list('diff', ...options, base, 'HEAD', '--')
  // A person builds what is in the directory, committed or not.
  const tracked = await git.list('diff', ...options, '--ignore-submodules=none', base, '--')
  const untracked = await git.list('ls-files', '-z', '--others', '--exclude-standard')
  return tracked && untracked ? [...tracked, ...untracked] : undefined
}

const compare = async (git: Git, host: Host, wanted: ChangeBase & { kind: 'commit' }): Promise<ChangeAnswer> => {
  const found = (await commitOf(git, wanted.commit)) ?? (await fetchCommit(git, wanted.commit))
  if (found === undefined) return { everything: `${wanted.what}, ${wanted.commit}, cannot be had` }
  // Without the history in between there is no merge base: then the trees themselves are compared, which finds more.
  const base = (await git.ask('merge-base', found, 'HEAD')) || found
  const paths = await diffPaths(git, base, host)
  if (paths === undefined) return { everything: `the changes since ${base.slice(0, 7)} cannot be listed` }
  return {
    base,
    paths: [...new Set(paths)].sort(),
    readOld: (path) => git.ask('cat-file', 'blob', `${base}:./${path}`),
  }
}

/**
 * The changes that `changed-since` asks for; `auto` asks the forge.
 * @throws {Failure} input, for a ref that does not exist.
 */
export const findChanges = async (since: string, host: Host): Promise<ChangeAnswer> => {
  const git = openGit(host)
  if ((await git.ask('rev-parse', '--is-inside-work-tree')) !== 'true')
    return { everything: 'this is no git repository, or there is no git' }
  if (since !== 'auto') {
    const answer = await compare(git, host, { kind: 'commit', commit: since, what: 'input changed-since' })
    if ('everything' in answer && (await commitOf(git, since)) === undefined)
      throw inputFailure(`input changed-since: "${since}" is no commit, branch or tag of this repository`)
    return answer
  }
  const base = await forgeBase(host)
  return base.kind === 'everything' ? { everything: base.reason } : await compare(git, host, base)
}
