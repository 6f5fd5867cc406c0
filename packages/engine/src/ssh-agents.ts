// The SSH agents and keys that a build may use, as engines take them.
import { resolve } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { inputFailure } from '@polyarch/oci'

export interface SshAgents {
  /** Values of the engine's --ssh: `default`, or `id=path` with an absolute path. */
  readonly agents: readonly string[]
  /** SSH_AUTH_SOCK for the engine, where an agent without a path is asked for. */
  readonly socket: string | undefined
}

/**
 * The agents of the input ssh.
 * @throws {Failure} input, when a line is malformed, or the job has no agent for one without a path.
 */
export const readSshAgents = (host: Host, lines: readonly string[]): SshAgents => {
  const socket = host.env['SSH_AUTH_SOCK'] || undefined
  let needsSocket = false
  const agents = lines.map((line) => {
    const [, id, path] = /^(\w[\w.-]*)(?:=([^,"]+))?$/.exec(line) ?? []
    if (id === undefined)
      throw inputFailure(`input ssh: expected default, or id=socket or key file (no comma or quote), found "${line}"`)
    if (path !== undefined) return `${id}=${resolve(host.directory, path)}`
    needsSocket = true
    return id
  })
  if (needsSocket && socket === undefined)
    throw inputFailure('input ssh: this job has no agent: SSH_AUTH_SOCK is not set')
  return { agents, socket: needsSocket ? socket : undefined }
}
