// Runs the executor in a jail: Linux namespaces around a root that holds nothing else.
import { mkdir, readFile, readlink, realpath, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CommandResult, Host } from '@polyarch/ci-host'
import { enclosedResult, type IdMapping, type Mount, type RemoveTree, toolPath, userFlags } from '@polyarch/engine'
import { inputFailure } from '@polyarch/oci'
import { planJailCommand } from './executor-command.ts'
import type { Executor } from './executor-source.ts'
import { createJailRoot } from './jail-root.ts'
import { jailReady, jailRefusal } from './jail-script.ts'
import type { ExecutorRun, Launcher } from './launcher.ts'
import { executorPath, isolatedMounts, isolatedPlaces } from './places.ts'

/** How long an executor may take to end by itself: it has nothing to save. */
const graceSeconds = 1

/** Names are resolved in a jail as on this machine; both files are copies, since a RUN instruction may write them. */
const networkFiles = ['resolv.conf', 'hosts'] as const

const copyNetworkFiles = async (directory: string): Promise<Mount[]> => {
  const mounts: Mount[] = []
  await mkdir(directory)
  for (const name of networkFiles) {
    try {
      await writeFile(join(directory, name), await readFile(`/etc/${name}`))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue
      throw error
    }
    mounts.push({ kind: 'bind', source: join(directory, name), target: `/etc/${name}`, readOnly: false })
  }
  return mounts
}

/** `chroot` ended with this: the executor is not for this machine, or no program at all. */
const isNotRunnable = (code: number): boolean => code === 126 || code === 127

/**
 * The launcher for a Linux machine without a container engine.
 * @param work this run's work directory, where jails are made and removed
 */
export const openJailLauncher = (
  host: Host,
  executor: Executor,
  settings: { readonly work: string; readonly mapping: IdMapping; readonly removeTree: RemoveTree },
): Launcher => {
  let jails = 0
  const explain = (result: CommandResult): void => {
    const lines = result.stderr.trim().split('\n')
    if (!lines.includes(jailReady)) {
      const refusal = lines.find((line) => line.startsWith(jailRefusal))
      throw inputFailure(
        `input launcher: the jail could not be set up: ${refusal?.slice(jailRefusal.length) ?? lines.at(-1) ?? `exit ${result.code}`}`,
      )
    }
    if (isNotRunnable(result.code) && lines.some((line) => line.startsWith('chroot:')))
      throw inputFailure(`${executor.origin} cannot be run here: ${lines.find((line) => line.startsWith('chroot:'))}`)
  }
  return {
    name: 'jail',
    executorId: executor.digest,
    places: () => isolatedPlaces,
    run: async ({ onLine, onStart, signal, ...call }: ExecutorRun, directories) => {
      jails += 1
      const name = `jail-${jails}`
      const mounts: Mount[] = [
        { kind: 'bind', source: executor.file, target: executorPath, readOnly: true },
        ...(executor.certificates
          ? [{ kind: 'bind', source: executor.certificates, target: '/kaniko/ssl/certs', readOnly: true } as const]
          : []),
        ...(await copyNetworkFiles(join(settings.work, `${name}-etc`))),
        ...(directories ? isolatedMounts(directories) : []),
      ]
      const root = await createJailRoot(settings.work, name)
      try {
        const command = planJailCommand(
          {
            root,
            mounts,
            mountNamespace: await readlink('/proc/self/ns/mnt'),
            userFlags: userFlags(settings.mapping),
          },
          // The script's own programs are looked for in the same PATH; in the jail there is nothing to be found.
          { ...call, env: { ...call.env, PATH: toolPath(host.env) } },
        )
        const result = await host.exec({
          ...command,
          graceSeconds,
          ...(onStart ? { onStart } : {}),
          onLine: (line, stream) => {
            if (line !== jailReady) onLine?.(line, stream)
          },
          ...(signal ? { signal } : {}),
        })
        host.signal.throwIfAborted()
        if (!signal?.aborted && result.code !== 0) explain(result)
        return enclosedResult(result)
      } finally {
        await settings.removeTree(await realpath(root))
      }
    },
  }
}
