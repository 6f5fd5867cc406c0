// How much memory a program and all that it starts have at once, looked at from outside while they run.
import { readdir, readFile } from 'node:fs/promises'

/** Milliseconds between two looks, which are cheap but not free: few at first, since a build may be short. */
const firstPause = 50
const longestPause = 500

export interface MemoryWatch extends Disposable {
  /** Watches this process and its descendants from now on. */
  follow(pid: number): void
  /** The most that was seen, in bytes; undefined where nothing could be. A peak between two looks is not seen. */
  readonly peak: number | undefined
}

interface ProcessFacts {
  readonly parent: number
  /** Bytes. */
  readonly resident: number
  readonly mostResident: number
}

const field = (status: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)

const readProcess = async (pid: string): Promise<[pid: number, facts: ProcessFacts] | undefined> => {
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8')
    const facts = {
      parent: field(status, 'PPid'),
      resident: field(status, 'VmRSS') * 1024,
      mostResident: field(status, 'VmHWM') * 1024,
    }
    return [Number(pid), facts]
  } catch (error) {
    // It ended meanwhile.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}

const listPids = async (): Promise<string[]> => {
  try {
    return (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** What the tree below the process holds now: all of it together, and each at its own worst moment. */
const measureTree = async (root: number): Promise<number> => {
  const found = await Promise.all((await listPids()).map(readProcess))
  const processes = new Map(found.filter((entry) => entry !== undefined))
  const children = Map.groupBy(processes.keys(), (pid) => processes.get(pid)?.parent)
  // Each is taken once: ids are read one after the other, and one that is used again could close a circle.
  const pids = new Set([root])
  for (const pid of pids) for (const child of children.get(pid) ?? []) pids.add(child)
  const tree = [...pids].flatMap((pid) => processes.get(pid) ?? [])
  return Math.max(
    tree.reduce((sum, { resident }) => sum + resident, 0),
    ...tree.map(({ mostResident }) => mostResident),
  )
}

export const openMemoryWatch = (onError: (error: Error) => void): MemoryWatch => {
  let peak = 0
  let timer: NodeJS.Timeout | undefined
  let isOver = false
  const look = async (pid: number, pause: number): Promise<void> => {
    try {
      peak = Math.max(peak, await measureTree(pid))
    } catch (error) {
      onError(error as Error)
      return
    }
    if (!isOver) timer = setTimeout(() => void look(pid, Math.min(pause * 2, longestPause)), pause)
  }
  return {
    follow: (pid) => void look(pid, firstPause),
    get peak() {
      return peak === 0 ? undefined : peak
    },
    [Symbol.dispose]: () => {
      isOver = true
      clearTimeout(timer)
    },
  }
}
