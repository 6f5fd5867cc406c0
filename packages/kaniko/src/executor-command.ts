// The only place where a command that starts an executor is formed; each form needs proof that its root is expendable.
import type { Command } from '@polyarch/ci-host'
import { type ContainerRun, type Mount, planContainerRun } from '@polyarch/engine'
import type { KanikoContainer } from './container-evidence.ts'
import type { JailRoot } from './jail-root.ts'
import { jailScript } from './jail-script.ts'
import { executorPath } from './places.ts'

/** What the executor is told, whatever starts it. */
export interface ExecutorCall {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Variables that may hold credentials: never in an argument list. */
  readonly quietEnv: Readonly<Record<string, string>>
}

/** What a jail is made of. */
export interface Jail {
  readonly root: JailRoot
  /** The launcher's mount namespace, as /proc/self/ns/mnt links it: the jail must be in another one. */
  readonly mountNamespace: string
  /** The flags of `unshare` for a user namespace; none as root. */
  readonly userFlags: readonly string[]
  readonly mounts: readonly Mount[]
}

/** The executor in a jail: new namespaces, then the fixed script, which alone knows where the executor is. */
export const planJailCommand = (jail: Jail, { args, env, quietEnv }: ExecutorCall): Command => ({
  file: 'setpriv',
  args: [
    '--pdeathsig=KILL',
    'unshare',
    ...jail.userFlags,
    '--mount',
    '--pid',
    '--fork',
    '--kill-child',
    '--ipc',
    '--uts',
    '--',
    '/bin/sh',
    '-c',
    jailScript,
    'polyarch-jail',
    jail.root,
    jail.mountNamespace,
    ...jail.mounts.flatMap((mount) =>
      mount.kind === 'empty' ? ['empty', '', mount.target] : [mount.readOnly ? 'ro' : 'rw', mount.source, mount.target],
    ),
    '--',
    ...args,
  ],
  directory: '/',
  env: { ...env, ...quietEnv },
})

/** A container of an image that has the executor. */
export type KanikoImageRun = Pick<ContainerRun, 'name' | 'image' | 'mounts' | 'hostNetwork'>

/** The executor in a container; `client` is docker or podman, and `env` what that client needs itself. */
export const planContainerCommand = (
  client: string,
  container: KanikoImageRun,
  { args, env, quietEnv }: ExecutorCall,
  clientEnv: Readonly<Record<string, string>>,
): Command => ({
  file: client,
  args: planContainerRun({
    ...container,
    entrypoint: executorPath,
    args,
    env,
    passedEnv: Object.keys(quietEnv),
  }),
  env: { ...clientEnv, ...quietEnv },
})

/** The executor on this process's own root, which it wipes: for a container made from the kaniko image only. */
export const planInsideCommand = (_proof: KanikoContainer, { args, env, quietEnv }: ExecutorCall): Command => ({
  file: executorPath,
  args,
  env: { ...env, ...quietEnv },
})
