// Runs the executor where this job runs: in a container made from the kaniko image.
import type { Host } from '@polyarch/ci-host'
import { inputFailure } from '@polyarch/oci'
import { isOnOwnMount, readRootFacts, requireKanikoContainer } from './container-evidence.ts'
import { planInsideCommand } from './executor-command.ts'
import type { Launcher } from './launcher.ts'

/**
 * The launcher for a job in the kaniko image.
 * @throws {Failure} input, when this is no such container, or the workspace would be wiped with its root.
 */
export const openInsideLauncher = async (host: Host): Promise<Launcher> => {
  const facts = await readRootFacts(host.env)
  const proof = requireKanikoContainer(facts)
  if (!isOnOwnMount(facts.mounts, host.directory))
    throw inputFailure(
      `input launcher: the workspace ${host.directory} is part of the container's root, which the executor wipes: mount it as a volume`,
    )
  return {
    name: 'inside',
    executorId: undefined,
    places: ({ context, staging, output, mounts }) => {
      const elsewhere = mounts.find(({ directory, path }) => directory !== path)
      if (elsewhere)
        throw inputFailure(
          `input launcher: in the kaniko image commands see ${elsewhere.directory} where it is, not at ${elsewhere.path}: mount it there, or use jail, docker or podman`,
        )
      return {
        context,
        dockerfile: `${staging}/Dockerfile`,
        layout: output,
        dockerConfig: `${staging}/docker`,
        secrets: `${staging}/secrets`,
        certificates: ['/kaniko/ssl/certs', host.env['SSL_CERT_DIR'], `${staging}/certificates`]
          .filter(Boolean)
          .join(':'),
        temporary: '/kaniko',
      }
    },
    run: ({ onLine, onStart, signal, ...call }) =>
      host.exec({
        ...planInsideCommand(proof, call),
        ...(onLine ? { onLine } : {}),
        ...(onStart ? { onStart } : {}),
        ...(signal ? { signal } : {}),
      }),
  }
}
