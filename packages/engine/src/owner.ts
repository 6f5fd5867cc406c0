// Which process a temporary directory belongs to, written into its name, so that leftovers of killed ones are found.
import { readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'

interface Owner {
  /** The inode of its PID namespace: process ids mean something in there only. */
  readonly namespace: string
  readonly pid: string
  /** When it started, in clock ticks since boot (proc_pid_stat(5), field 22): a reused pid has another one. */
  readonly start: string
}

const isGone = (error: unknown): boolean => ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')

const orUndefined = async <T>(work: Promise<T>): Promise<T | undefined> => {
  try {
    return await work
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

const startOf = async (pid: string): Promise<string | undefined> => {
  const stat = await orUndefined(readFile(`/proc/${pid}/stat`, 'utf8'))
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}

const namespaceOfThis = async (): Promise<string> => {
  const link = await orUndefined(readlink('/proc/self/ns/pid'))
  return link?.replace(/\D/g, '') ?? '0'
}

/** `<PID namespace>.<pid>.<start>` of this process. */
export const ownerTag = async (): Promise<string> => {
  const pid = String(process.pid)
  return `${await namespaceOfThis()}.${pid}.${(await startOf(pid)) ?? '0'}`
}

const parseOwner = (tag: string): Owner | undefined => {
  const match = /^(\d+)\.(\d+)\.(\d+)(?:-|$)/.exec(tag)
  return match ? { namespace: match[1]!, pid: match[2]!, start: match[3]! } : undefined
}

/** The entries of a directory, `<prefix><owner tag>-…`, whose owner is known to have ended. */
export const findAbandoned = async (directory: string, prefix: string): Promise<string[]> => {
  const namespace = await namespaceOfThis()
  const abandoned: string[] = []
  for (const name of await readdir(directory)) {
    const owner = name.startsWith(prefix) ? parseOwner(name.slice(prefix.length)) : undefined
    if (owner === undefined || owner.namespace !== namespace || owner.namespace === '0') continue
    if ((await startOf(owner.pid)) !== owner.start) abandoned.push(join(directory, name))
  }
  return abandoned
}
