// Whether this machine can run what a Dockerfile runs, asked before anything is pulled.
import { relative } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { executedInstructions, parseDockerfile } from '@polyarch/dockerfile'
import { formatPlatform, inputFailure, parsePlatform } from '@polyarch/oci'
import { type BuildRequest, settingsOf } from './build-request.ts'
import { explainNotRunnable, readEmulators } from './emulation.ts'
import type { Enclosure } from './enclosure.ts'

/**
 * Refuses a RUN that this machine cannot run.
 * @param runsOn `target`: every RUN runs on the platform that is built for; `stage`: on the one that its FROM says
 * @throws {Failure} input, naming the line and what would let it run.
 */
export const requireRunnable = async (host: Host, request: BuildRequest, runsOn: 'target' | 'stage'): Promise<void> => {
  const { buildPlatform } = request
  const runs = executedInstructions(parseDockerfile(request.dockerfileText), settingsOf(request))
  if (runs.length === 0) return
  const emulators = await readEmulators()
  for (const run of runs) {
    const platform = runsOn === 'target' ? request.platform : parsePlatform(run.platform)
    const why = explainNotRunnable(buildPlatform, platform, emulators)
    if (why === undefined) continue
    throw inputFailure(
      `${relative(host.directory, request.dockerfile)}:${run.line}: ${run.text} has to run on ${formatPlatform(platform)}, and on this ${formatPlatform(buildPlatform)} machine ${why}: build on a runner of that platform, or register an emulator with flag F (docker run --privileged --rm tonistiigi/binfmt --install ${platform.architecture}, or Debian's qemu-user-static and binfmt-support)`,
    )
  }
}

/**
 * Refuses a RUN for a user with one id: buildah sets groups for every command, runc mounts terminals for group 5, and
 * neither can be done in a user namespace of one id. kaniko does without.
 * @throws {Failure} input, naming the line and what would let it run.
 */
export const requireSeveralIds = (
  host: Host,
  request: BuildRequest,
  { mapping }: Pick<Enclosure, 'mapping'>,
  engine: string,
): void => {
  const [run] = executedInstructions(parseDockerfile(request.dockerfileText), settingsOf(request))
  if (mapping !== 'single' || run === undefined) return
  throw inputFailure(
    `${relative(host.directory, request.dockerfile)}:${run.line}: ${run.text} cannot be run with ${engine} by a user without subordinate ids: install uidmap and add the user to /etc/subuid and /etc/subgid, run as root, or build with kaniko`,
  )
}
