// Asks git, as a program, about the repository around the workspace.
import type { Host } from '@polyarch/ci-host'
import { Failure } from '@polyarch/oci'

export interface Git {
  /** What git says, or undefined where it fails or is not there. */
  ask(...args: string[]): Promise<string | undefined>
  /** Paths that git lists with -z; undefined where it fails, or lists more than can be read. */
  list(...args: string[]): Promise<readonly string[] | undefined>
}

/** What the host keeps of a program's output, in bytes: a longer list has lost its beginning. */
const outputLimit = 4 * 1024 * 1024

/** Git in the host's directory; it never asks a person anything and runs nothing that the repository names. */
export const openGit = (host: Pick<Host, 'exec' | 'directory'>): Git => {
  // In a container the checkout often belongs to another user, which git refuses without safe.directory.
  const settings = [
    `safe.directory=${host.directory}`,
    'core.askPass=true',
    'core.fsmonitor=false',
    'core.hooksPath=/dev/null',
  ]
  const run = async (args: readonly string[]): Promise<string | undefined> => {
    const command = {
      file: 'git',
      args: [...settings.flatMap((setting) => ['-c', setting]), ...args],
      directory: host.directory,
    }
    try {
      const { code, stdout } = await host.exec(command)
      return code === 0 ? stdout : undefined
    } catch (error) {
      if (error instanceof Failure && error.kind === 'input') return undefined
      throw error
    }
  }
  return {
    ask: async (...args) => (await run(args))?.trim(),
    list: async (...args) => {
      const output = await run(args)
      if (output === undefined || Buffer.byteLength(output) >= outputLimit) return undefined
      return output.split('\0').filter((path) => path !== '')
    },
  }
}
