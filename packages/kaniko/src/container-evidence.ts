// Whether this process lives in a container made from the kaniko image, whose root file system may be wiped.
import { access, readFile, readlink, stat } from 'node:fs/promises'
import { inputFailure } from '@polyarch/oci'
import { executorPath } from './places.ts'

declare const proven: unique symbol

/** Proof that this process's root is a kaniko container's: only with it can the executor be started directly. */
export interface KanikoContainer {
  readonly [proven]: true
}

/** A line of mountinfo, as far as it matters here (proc_pid_mountinfo(5)). */
export interface MountFacts {
  readonly root: string
  readonly target: string
  readonly type: string
}

/** What tells a container from a machine. */
export interface RootFacts {
  readonly hasExecutor: boolean
  readonly userId: number
  /** As /proc/self/ns/pid links it. */
  readonly pidNamespace: string
  /** The name of process 1. */
  readonly firstProcess: string
  readonly mounts: readonly MountFacts[]
  /** Container engines leave at least one of these. */
  readonly markers: readonly string[]
}

/** The PID namespace of the machine itself: PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h. */
const machinePidNamespace = 'pid:[4026531836]'

const systemManagers = ['systemd', 'init', 'openrc-init', 'runit', 's6-svscan', 'launchd', 'procd']

/** File systems that container engines put together for a container, and that no machine boots from. */
const containerFileSystems = ['overlay', 'fuse.fuse-overlayfs', 'aufs', 'virtiofs', '9p', 'fuse.gvisor']

const decodeField = (field: string): string =>
  field.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

/** The mounts of a mountinfo file. */
export const parseMounts = (mountinfo: string): MountFacts[] =>
  mountinfo
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [left = '', right = ''] = line.split(' - ')
      const fields = left.split(' ')
      return {
        root: decodeField(fields[3] ?? ''),
        target: decodeField(fields[4] ?? ''),
        type: right.split(' ')[0] ?? '',
      }
    })

const isContainerRoot = ({ root, type }: MountFacts): boolean =>
  containerFileSystems.includes(type) ||
  (root !== '/' && /\/(?:containers?|docker|containerd|crio|kubelet|vfs)\//.test(`${root}/`))

/**
 * Why this process may not run the executor on its own root; none when all of it speaks for a kaniko container.
 * Each sign alone can be met on a machine (a /.dockerenv that came with an image, an overlay root of a live system).
 */
export const listDoubts = (facts: RootFacts): string[] => {
  const root = facts.mounts.filter(({ target }) => target === '/').at(-1)
  return [
    ...(facts.hasExecutor ? [] : [`there is no ${executorPath}`]),
    ...(facts.userId === 0 ? [] : [`it runs as user ${facts.userId}, not as root`]),
    ...(facts.pidNamespace === machinePidNamespace ? ['its processes are the machine’s own'] : []),
    ...(systemManagers.includes(facts.firstProcess) ? [`its first process is ${facts.firstProcess}`] : []),
    ...(root && isContainerRoot(root) ? [] : ['its root is not a container’s file system']),
    ...(facts.markers.length > 0 ? [] : ['no container engine left its mark']),
  ]
}

const exists = async (path: string): Promise<boolean> => {
  try {
    await access(path)
    return true
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}

const isFile = async (path: string): Promise<boolean> => (await exists(path)) && (await stat(path)).isFile()

/** The facts of this process's root. */
export const readRootFacts = async (env: Readonly<Record<string, string | undefined>>): Promise<RootFacts> => {
  const hasProc = await exists('/proc/self/mountinfo')
  const markers = await Promise.all(
    ['/.dockerenv', '/run/.containerenv'].map(async (path) => ((await exists(path)) ? [path] : [])),
  )
  return {
    hasExecutor: await isFile(executorPath),
    userId: process.getuid?.() ?? -1,
    pidNamespace: hasProc ? await readlink('/proc/self/ns/pid') : machinePidNamespace,
    firstProcess: hasProc ? (await readFile('/proc/1/comm', 'utf8')).trim() : '',
    mounts: hasProc ? parseMounts(await readFile('/proc/self/mountinfo', 'utf8')) : [],
    markers: [...markers.flat(), ...(env['KUBERNETES_SERVICE_HOST'] ? ['KUBERNETES_SERVICE_HOST'] : [])],
  }
}

/** Whether a path survives the executor's wiping: it lies on a mount of its own. */
export const isOnOwnMount = (mounts: readonly MountFacts[], path: string): boolean =>
  mounts.some(({ target }) => target !== '/' && (path === target || path.startsWith(`${target}/`)))

/**
 * Proof that the executor may run on this process's root, which it wipes.
 * @throws {Failure} input, saying what is missing.
 */
export const requireKanikoContainer = (facts: RootFacts): KanikoContainer => {
  const doubts = listDoubts(facts)
  if (doubts.length > 0)
    throw inputFailure(
      `input launcher: "inside" is for jobs that run in the kaniko image, because the executor wipes the root file system that it runs in; here ${doubts.join(', ')}. Use jail, docker or podman`,
    )
  return {} as KanikoContainer
}
