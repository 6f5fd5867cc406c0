// Chooses what keeps the executor away from this machine.
import type { Host } from '@polyarch/ci-host'
import { inputFailure } from '@polyarch/oci'
import { listDoubts, readRootFacts } from './container-evidence.ts'
import { answers } from './container-launcher.ts'
import type { KanikoSettings } from './inputs.ts'
import type { Launcher } from './launcher.ts'

export interface Choice {
  readonly launcher: Launcher['name']
  readonly reason: string
}

/**
 * The launcher that the inputs name, or for `auto` the first that this machine has: the kaniko image that the job runs
 * in, docker, podman, and on Linux a jail.
 * @throws {Failure} input, when there is none, or executor is given to a launcher that has its own.
 */
export const chooseLauncher = async (
  inputs: Pick<KanikoSettings, 'launcher' | 'executor'>,
  host: Host,
  platform: NodeJS.Platform = process.platform,
): Promise<Choice> => {
  const { launcher, executor } = inputs
  if (executor !== undefined && launcher !== 'auto' && launcher !== 'jail')
    throw inputFailure(`input executor: only the jail takes an executor of this machine, not launcher ${launcher}`)
  if (launcher !== 'auto') return { launcher, reason: 'the input says so' }
  const isLinux = platform === 'linux'
  if (executor !== undefined && isLinux) return { launcher: 'jail', reason: 'an executor is given' }
  if (isLinux && listDoubts(await readRootFacts(host.env)).length === 0)
    return { launcher: 'inside', reason: 'this job runs in the kaniko image' }
  for (const client of ['docker', 'podman'] as const)
    if (await answers(host, client)) return { launcher: client, reason: `${client} answers` }
  if (isLinux) return { launcher: 'jail', reason: 'there is neither docker nor podman' }
  throw inputFailure('input launcher: kaniko needs docker or podman on this system, and neither answers')
}
