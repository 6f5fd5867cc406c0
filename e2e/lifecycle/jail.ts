// Runs a phase of the lifecycle where it can delete nothing that anybody keeps: in namespaces of its own.
import { lstat, readlink, realpath } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import type { CommandEnd } from '../command.ts'
import { disposableMark, jailScript } from './jail-script.ts'

/** A directory of this machine that a phase sees; what is not writable cannot be deleted either. */
export interface JailMount {
  readonly source: string
  /** Absolute, in the jail. */
  readonly target: string
  readonly writable: boolean
}

export interface JailRun {
  /** A disposable root: it holds the mark, and is gone for anything else afterwards. */
  readonly root: string
  readonly mounts: readonly JailMount[]
  readonly command: readonly [string, ...string[]]
  /** Default: root. */
  readonly user?: { readonly uid: number; readonly gid: number }
  readonly directory?: string
  readonly env: Readonly<Record<string, string>>
}

/** @throws when the root is anything but a directory that a scene unpacked for this. */
const requireDisposable = async (root: string): Promise<void> => {
  const temporary = await realpath(tmpdir())
  if ((await realpath(root)) !== root || !root.startsWith(`${temporary}/`))
    throw new Error(`${root} is not a disposable root: it is not below ${temporary}`)
  await lstat(join(root, disposableMark))
}

/**
 * Runs the command in the root, which is no more the same afterwards.
 * @throws when the root is not disposable; the script looks again from inside its namespaces.
 */
export const runInJail = async (run: JailRun): Promise<CommandEnd> => {
  const { root, mounts, command, user = { uid: 0, gid: 0 }, directory = '/', env } = run
  await requireDisposable(root)
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child']
  const place = [root, await readlink('/proc/self/ns/mnt'), `${user.uid}:${user.gid}`]
  const binds = mounts.flatMap(({ source, target, writable }) => [writable ? 'rw' : 'ro', source, target])
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  const inDirectory = directory === '/' ? [] : ['/bin/sh', '-c', `cd '${directory}' && exec "$@"`, 'sh']
  const inside = ['/bin/busybox', 'env', '-i', ...variables, ...inDirectory, ...command]
  const args = [...namespaces, '--', '/bin/sh', '-c', jailScript, 'jail', ...place, ...binds, '--', ...inside]
  // For the script's own programs.
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  const { exitCode, all } = await execa('unshare', args, {
    env: { PATH: path },
    extendEnv: false,
    stdin: 'ignore',
    all: true,
    reject: false,
  })
  return { code: exitCode ?? 1, log: all ?? '' }
}
