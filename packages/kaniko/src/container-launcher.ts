// Runs the executor in a container of the kaniko image, by docker or podman.
import { randomUUID } from 'node:crypto'
import type { Host } from '@polyarch/ci-host'
import { failureKindOf, planContainerCopy, planContainerRemoval } from '@polyarch/engine'
import { Failure } from '@polyarch/oci'
import { planContainerCommand } from './executor-command.ts'
import { parseKanikoImage } from './kaniko-image.ts'
import type { Launcher } from './launcher.ts'
import { isolatedMounts, isolatedPlaces } from './places.ts'

export type ContainerClient = 'docker' | 'podman'

/** Exit code of `run` when the engine itself failed: no image, no such mount, a daemon that refuses. */
const engineFailed = 125

/** Whether the container engine answers: for docker its daemon, for podman the program itself. */
export const answers = async (host: Host, client: ContainerClient): Promise<boolean> => {
  const query =
    client === 'docker' ? ['version', '--format={{.Server.Version}}'] : ['info', '--format={{.Version.Version}}']
  try {
    const { code } = await host.exec({ file: client, args: query, signal: AbortSignal.timeout(10_000) })
    return code === 0
  } catch (error) {
    if (error instanceof Error && 'kind' in error && error.kind === 'input') return false
    throw error
  }
}

const noSuchImage = /\b(?:manifest|name)[_ ]unknown\b/i

/** What it means that no container could be started: mostly that the input names an image that is not there. */
const explainStart = (client: ContainerClient, image: string, stderr: string): Failure => {
  // docker ends with the advice to read its help.
  const lines = stderr.split('\n').filter((line) => line.trim() !== '' && !/\bdocker run --help\b/.test(line))
  const words = lines.at(-1)?.trim() ?? 'it did not say why'
  const kind = noSuchImage.test(words) ? 'input' : failureKindOf(words)
  return new Failure(
    kind === 'build' ? 'input' : kind,
    `input kaniko-image: ${client} could not run ${image}: ${words}`,
  )
}

/** What docker and podman look at themselves. */
const clientVariable = /^(?:PATH|HOME|TMPDIR|(?:DOCKER|CONTAINERS?|PODMAN|REGISTRY|XDG)_\w+)$/

const clientEnvironment = (env: Host['env']): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && clientVariable.test(entry[0]),
    ),
  )

/**
 * The launcher for a machine with docker or podman. The layout is copied out of the container, so that it belongs to
 * this user whoever the daemon runs as; the container is removed afterwards, whatever happened.
 * @throws {Failure} input, when the image is no reference.
 */
export const openContainerLauncher = (
  host: Host,
  client: ContainerClient,
  settings: { readonly image: string; readonly hostNetwork: boolean },
): Launcher => {
  parseKanikoImage(settings.image)
  const clientEnv = clientEnvironment(host.env)
  const remove = async (name: string): Promise<void> => {
    const { code, stderr } = await host.exec({
      file: client,
      args: planContainerRemoval(name),
      env: clientEnv,
      cleanup: true,
    })
    if (code !== 0 && !/no such container|no container with/i.test(stderr))
      host.log.warning(`container ${name} could not be removed: ${stderr.trim()}`)
  }
  return {
    name: client,
    executorId: undefined,
    places: () => isolatedPlaces,
    run: async ({ onLine, signal, args, env, quietEnv }, directories) => {
      const name = `polyarch-kaniko-${randomUUID()}`
      const mounts = directories
        ? isolatedMounts(directories).filter(({ target }) => target !== isolatedPlaces.layout)
        : []
      try {
        const result = await host.exec({
          ...planContainerCommand(client, { name, mounts, ...settings }, { args, env, quietEnv }, clientEnv),
          ...(onLine ? { onLine } : {}),
          ...(signal ? { signal } : {}),
        })
        if (result.code === engineFailed) throw explainStart(client, settings.image, result.stderr)
        if (result.code === 0 && directories) {
          const copy = planContainerCopy(name, isolatedPlaces.layout, directories.output)
          const { code, stderr } = await host.exec({ file: client, args: copy, env: clientEnv })
          if (code !== 0) throw new Error(`${client} could not copy the layout out of ${name}: ${stderr.trim()}`)
        }
        return result
      } finally {
        await remove(name)
      }
    },
  }
}
