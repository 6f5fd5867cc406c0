// One writer of an index.json at a time, in this process and between processes.
import { randomUUID } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import { link, lstat, open, rename, rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { attempt, errorCode, isAbsent } from './layout-files.ts'

/** A holder needs milliseconds: a lock file that nobody touched for this long was left by a process that died. */
const staleAfterMs = 10_000
const pollMs = 10

/** Held while the work runs. */
export interface IndexLock {
  /** Whether the lock is still this holder's: another may have taken it from a process that slept too long. */
  isHeld(): Promise<boolean>
}

/** What tells one lock file from the next at the same path. */
const identityOf = ({ ino, mtimeNs }: BigIntStats): string => `${ino} ${mtimeNs}`

const identify = async (path: string): Promise<string | undefined> => {
  try {
    return identityOf(await lstat(path, { bigint: true }))
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}

/** Creates the lock file and gives its identity; undefined where there is one already. */
const create = async (path: string): Promise<string | undefined> => {
  try {
    await using file = await open(path, 'wx')
    return identityOf(await file.stat({ bigint: true }))
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return undefined
    throw error
  }
}

/** Takes away the abandoned lock file; a live one that came into its place meanwhile is put back. */
const takeAway = async (path: string, abandoned: string): Promise<void> => {
  const aside = `${path}.${randomUUID()}`
  try {
    await rename(path, aside)
    if ((await identify(aside)) !== abandoned) await link(aside, path)
  } catch (error) {
    // Gone already, or the next holder was quicker.
    if (!isAbsent(error) && errorCode(error) !== 'EEXIST') throw error
  } finally {
    await rm(aside, { force: true })
  }
}

const acquire = async (path: string, staleAfter: number): Promise<string> => {
  let watched: string | undefined
  let since = performance.now()
  for (;;) {
    const mine = await create(path)
    if (mine !== undefined) return mine
    // The waiter's own clock counts: the file system's may differ from it.
    const seen = await identify(path)
    if (seen !== watched) {
      watched = seen
      since = performance.now()
    } else if (seen !== undefined && performance.now() - since > staleAfter) await takeAway(path, seen)
    await sleep(pollMs)
  }
}

const queues = new Map<string, Promise<unknown>>()

/** Runs the work after all work for the same key that came before it. */
const enqueue = async <T>(key: string, work: () => Promise<T>): Promise<T> => {
  const before = queues.get(key)
  const turn = (async () => {
    await Promise.allSettled([before])
    return await work()
  })()
  queues.set(key, turn)
  try {
    return await turn
  } finally {
    if (queues.get(key) === turn) queues.delete(key)
  }
}

/** Runs the work while this process holds the lock file at the path, and no other work of this process does. */
export const withLock = async <T>(
  path: string,
  work: (lock: IndexLock) => Promise<T>,
  staleAfter = staleAfterMs,
): Promise<T> =>
  await enqueue(path, async () => {
    const mine = await attempt(path, 'create', acquire(path, staleAfter))
    const isHeld = async (): Promise<boolean> => (await identify(path)) === mine
    try {
      return await work({ isHeld })
    } finally {
      if (await isHeld()) await rm(path, { force: true })
    }
  })
