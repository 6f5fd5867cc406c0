// The files and variables of programs that are started in a work directory of their own, and see nothing else of this machine.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { readProxies } from './registry-hosts.ts'
import { openShortPath } from './short-path.ts'
import { readSshAgents } from './ssh-agents.ts'
import { toolPath } from './user-namespace.ts'

/** Names below the work directory: relative, so that no character of its path can mean something in a flag. */
export const workPlaces = { run: 'run', temporary: 'tmp', staging: 'staging' } as const

/** What stageBuild() writes below the staging directory. */
export const staged = {
  dockerfile: `${workPlaces.staging}/Dockerfile`,
  ignoreFile: `${workPlaces.staging}/Dockerfile.dockerignore`,
  docker: `${workPlaces.staging}/docker`,
  logins: `${workPlaces.staging}/docker/config.json`,
  secrets: `${workPlaces.staging}/secrets`,
  certificates: `${workPlaces.staging}/certificates`,
} as const

export interface ProgramSettings {
  readonly path: string
  readonly proxies: Readonly<Record<string, string>>
  readonly sshSocket: string | undefined
  /** Another path of the temporary directory. */
  readonly temporary?: string | undefined
  /** SSL_CERT_DIR of the job. */
  readonly certificates: string | undefined
}

/** What the programs may see of the environment; `work` is the absolute work directory. */
export const planProgramEnvironment = (work: string, settings: ProgramSettings): Record<string, string> => ({
  PATH: settings.path,
  HOME: work,
  TMPDIR: settings.temporary ?? `${work}/${workPlaces.temporary}`,
  XDG_RUNTIME_DIR: `${work}/${workPlaces.run}`,
  SSL_CERT_DIR: [`${work}/${staged.certificates}`, settings.certificates].filter(Boolean).join(':'),
  ...settings.proxies,
  ...(settings.sshSocket === undefined ? {} : { SSH_AUTH_SOCK: settings.sshSocket }),
})

export interface ProgramEnvironment extends AsyncDisposable {
  readonly env: Record<string, string>
  /** Values of the engine's --ssh. */
  readonly agents: readonly string[]
}

/**
 * Makes the directories that the programs expect, and their environment; `ssh` are the lines of the input.
 * @throws {Failure} input, for an SSH agent that there is not.
 */
export const openProgramEnvironment = async (
  host: Host,
  work: string,
  ssh: readonly string[],
): Promise<ProgramEnvironment> => {
  const { agents, socket } = readSshAgents(host, ssh)
  for (const name of [workPlaces.run, workPlaces.temporary]) await mkdir(join(work, name), { mode: 0o700 })
  // Agents are handed to the build as sockets in the temporary directory.
  const temporary = agents.length > 0 ? await openShortPath(join(work, workPlaces.temporary)) : undefined
  const env = planProgramEnvironment(work, {
    temporary: temporary?.path,
    path: toolPath(host.env),
    proxies: readProxies(host.env),
    sshSocket: socket,
    certificates: host.env['SSL_CERT_DIR'],
  })
  return { env, agents, [Symbol.asyncDispose]: async () => await temporary?.[Symbol.asyncDispose]() }
}
