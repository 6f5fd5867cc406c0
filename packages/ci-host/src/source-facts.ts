// Where the code that is built comes from: what the forge says, else what git says.
import { Failure } from '@polyarch/oci'
import type { Host, SourceFacts } from './host.ts'

const seconds = (time: string): string | null => {
  const date = new Date(time)
  return Number.isNaN(date.getTime()) ? null : date.toISOString().replace(/\.\d{3}Z$/, 'Z')
}

/**
 * A remote as the https address of the repository, without credentials; null for a path on this machine.
 * Knows URLs and the short ssh form `git@host:path`.
 */
export const repositoryUrl = (remote: string): string | null => {
  const short = /^[^/@\s]+@([^:/\s]+):(?!\/\/)(.+)$/.exec(remote)
  const address = short ? `ssh://${short[1]}/${short[2]}` : remote
  const url = URL.parse(address)
  if (!url || !['https:', 'http:', 'ssh:', 'git:'].includes(url.protocol)) return null
  const path = url.pathname.replace(/\/+$/, '').replace(/\.git$/, '')
  const port = url.protocol === 'http:' || url.protocol === 'https:' ? url.host : url.hostname
  return `${url.protocol === 'http:' ? 'http' : 'https'}://${port}${path}`
}

/** Asks git in the host's directory; undefined where there is no git, or nothing that it could say. */
const askGit = async (host: Pick<Host, 'exec' | 'directory'>, ...args: string[]): Promise<string | undefined> => {
  // In a container the checkout often belongs to another user, which git refuses without this.
  const command = { file: 'git', args: ['-c', `safe.directory=${host.directory}`, ...args], directory: host.directory }
  const result = await host.exec(command).catch((error: unknown) => {
    if (error instanceof Failure && error.kind === 'input') return undefined
    throw error
  })
  return result?.code === 0 ? result.stdout.trim() : undefined
}

const commitTime = async (host: Pick<Host, 'exec' | 'directory'>, revision: string): Promise<string | null> => {
  const time = await askGit(host, 'show', '--no-patch', '--no-show-signature', '--format=%cI', revision)
  return time === undefined ? null : seconds(time)
}

/** The facts of the commit that is checked out, for any host; the time is the commit's. */
export const readSourceFacts = async (
  host: Pick<Host, 'kind' | 'env' | 'exec' | 'directory'>,
): Promise<SourceFacts> => {
  const { env } = host
  if (host.kind === 'github' && env['GITHUB_REPOSITORY'] && env['GITHUB_SHA']) {
    const server = env['GITHUB_SERVER_URL'] ?? 'https://github.com'
    const revision = env['GITHUB_SHA']
    return { repository: `${server}/${env['GITHUB_REPOSITORY']}`, revision, created: await commitTime(host, revision) }
  }
  if (host.kind === 'gitlab' && env['CI_PROJECT_URL'] && env['CI_COMMIT_SHA']) {
    const revision = env['CI_COMMIT_SHA']
    const created = env['CI_COMMIT_TIMESTAMP'] ? seconds(env['CI_COMMIT_TIMESTAMP']) : await commitTime(host, revision)
    return { repository: env['CI_PROJECT_URL'], revision, created }
  }
  const revision = await askGit(host, 'rev-parse', '--verify', 'HEAD')
  if (revision === undefined || !/^[0-9a-f]{40}$/.test(revision))
    return { repository: null, revision: null, created: null }
  const remote = await askGit(host, 'remote', 'get-url', 'origin')
  return {
    repository: remote === undefined ? null : repositoryUrl(remote),
    revision,
    created: await commitTime(host, revision),
  }
}
