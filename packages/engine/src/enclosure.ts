// Namespaces of its own for an engine that works on this machine: what it mounts and starts ends with it.
import type { CommandResult, Host } from '@polyarch/ci-host'
import { findIdMapping, type IdMapping, toolPath, userFlags } from './user-namespace.ts'

export interface Enclosure {
  readonly mapping: IdMapping
  /** The words that a command starts with to run inside. */
  readonly words: readonly [string, ...string[]]
}

/** 128 + SIGKILL. */
const killed = 137

/**
 * The result of a command that ran in namespaces of its own, as without them: unshare cannot end by the SIGKILL that
 * ended its child, and exits with 1 instead (util-linux 2.38, sys-utils/unshare.c: signal(2) refuses SIGKILL).
 */
export const enclosedResult = (result: CommandResult): CommandResult =>
  result.code === 1 && /^unshare: sigprocmask unblock failed/m.test(result.stderr)
    ? { ...result, code: killed }
    : result

/** Everything that a build starts ends with the first process of such a namespace. */
const processFlags = ['--pid', '--fork', '--kill-child', '--mount-proc']

/**
 * The tightest enclosure that this machine allows. `purpose` names the input that wants it and what for.
 * @throws {Failure} input, saying what has to be allowed, when there is none.
 */
export const findEnclosure = async (host: Host, purpose: string): Promise<Enclosure> => {
  const mapping = await findIdMapping(host, purpose)
  const flags = [...userFlags(mapping), '--mount']
  const { code, stderr } = await host.exec({
    file: 'unshare',
    args: [...flags, ...processFlags, '--', 'true'],
    directory: '/',
    env: { PATH: toolPath(host.env) },
  })
  // A container whose /proc is masked may not mount one of its own.
  if (code !== 0) host.log.debug(`no process namespace: ${stderr.trim()}`)
  return {
    mapping,
    words: ['setpriv', '--pdeathsig=KILL', 'unshare', ...flags, ...(code === 0 ? processFlags : []), '--'],
  }
}
