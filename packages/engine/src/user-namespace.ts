// Whether a build needs a user namespace on this machine, and which ids it gets there.
import type { Host } from '@polyarch/ci-host'
import { inputFailure } from '@polyarch/oci'
import { type RemoveTree, removePlainly } from './work-directory.ts'

/** `all`: root. `ranges`: a user with subordinate ids. `single`: one id, so that files cannot change their owner. */
export type IdMapping = 'all' | 'ranges' | 'single'

const flagsOf: Readonly<Record<IdMapping, readonly string[]>> = {
  all: [],
  ranges: ['--user', '--map-auto', '--map-root-user'],
  single: ['--user', '--map-root-user'],
}

/** The flags of `unshare` for the mapping. */
export const userFlags = (mapping: IdMapping): readonly string[] => flagsOf[mapping]

/** The places of the programs that namespaces are made with; a user's PATH often lacks the last ones. */
export const toolPath = (env: Readonly<Record<string, string | undefined>>): string =>
  [env['PATH'], '/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin'].filter(Boolean).join(':')

const explain = (stderr: string): string => stderr.trim().split('\n').at(-1) ?? ''

/**
 * The best mapping that this machine allows. `purpose` names the input that wants it and what for.
 * @throws {Failure} input, saying what has to be allowed, when there is none.
 */
export const findIdMapping = async (host: Host, purpose = 'input launcher: a jail'): Promise<IdMapping> => {
  const unshare = (mapping: IdMapping) =>
    host.exec({
      file: 'unshare',
      args: [...userFlags(mapping), '--mount', '--pid', '--fork', '--kill-child', '--', 'true'],
      directory: '/',
      env: { PATH: toolPath(host.env) },
    })
  if (process.getuid?.() === 0) {
    const { code, stderr } = await unshare('all')
    if (code === 0) return 'all'
    throw inputFailure(
      `${purpose} needs namespaces, which this job may not make although it is root (${explain(stderr)}): run it privileged`,
    )
  }
  if ((await unshare('ranges')).code === 0) return 'ranges'
  const { code, stderr } = await unshare('single')
  if (code === 0) {
    host.log.warning(
      'this user has no subordinate ids: a Dockerfile that gives files to other users will fail; install uidmap and add the user to /etc/subuid and /etc/subgid',
    )
    return 'single'
  }
  throw inputFailure(
    `${purpose} needs user namespaces, which this machine does not allow (${explain(stderr)}): see sysctl kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns and user.max_user_namespaces, or run as root`,
  )
}

/** Removes a build's files, whichever ids own them. */
export const removeMapped = (host: Host, mapping: IdMapping): RemoveTree => {
  if (mapping === 'all') return removePlainly
  return async (directory) => {
    const { code, stderr } = await host.exec({
      file: 'unshare',
      args: [...userFlags(mapping), '--', 'rm', '-rf', '--', directory],
      directory: '/',
      env: { PATH: toolPath(host.env) },
      cleanup: true,
    })
    if (code !== 0) throw new Error(`${directory} could not be removed: ${stderr.trim()}`)
  }
}
