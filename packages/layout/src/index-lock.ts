// One writer of an index.json at a time, in this process and between processes.
import { randomUUID } from 'node:crypto'
import { type FileHandle, link, open, rename, rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { attempt, errorCode, isAbsent, type LayoutFile, pathOf, readFile } from './layout-files.ts'

/** A holder needs milliseconds: a lock file that stayed the same for this long was left by a process that died. */
const staleAfterMs = 10_000
const pollMs = 10

/** Held while the work runs. */
export interface IndexLock {
  /** Whether the lock is still this holder's: another may have taken it from a process that slept too long. */
  isHeld(): Promise<boolean>
}

/** Whose lock file it is, by the holder's token in it; undefined where there is none. */
const readToken = async (file: LayoutFile): Promise<string | undefined> => {
  const bytes = await readFile(file, 1024)
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes)
}

/** Creates the lock file with the token in it; false where there is one already. */
const create = async (path: string, token: string): Promise<boolean> => {
  let created: FileHandle
  try {
    created = await open(path, 'wx')
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw error
  }
  try {
    await using file = created
    await file.writeFile(token)
    return true
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
}

/** Takes away the abandoned lock file; a live one that came into its place meanwhile is put back. */
const takeAway = async (file: LayoutFile, abandoned: string): Promise<void> => {
  const aside = { ...file, name: `${file.name}.${randomUUID()}` }
  try {
    await rename(pathOf(file), pathOf(aside))
    if ((await readToken(aside)) !== abandoned) await link(pathOf(aside), pathOf(file))
  } catch (error) {
    // Gone already, or the next holder was quicker.
    if (!isAbsent(error) && errorCode(error) !== 'EEXIST') throw error
  } finally {
    await rm(pathOf(aside), { force: true })
  }
}

const acquire = async (file: LayoutFile, token: string, staleAfter: number): Promise<void> => {
  let watched: string | undefined
  let since = performance.now()
  while (!(await create(pathOf(file), token))) {
    // The waiter's own clock counts: the file system's may differ from it.
    const seen = await readToken(file)
    if (seen !== watched) {
      watched = seen
      since = performance.now()
    } else if (seen !== undefined && performance.now() - since > staleAfter) await takeAway(file, seen)
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

/** Runs the work while this process holds the lock file, and no other work of this process does. */
export const withLock = async <T>(
  file: LayoutFile,
  work: (lock: IndexLock) => Promise<T>,
  staleAfter = staleAfterMs,
): Promise<T> => {
  const path = pathOf(file)
  return await enqueue(path, async () => {
    const token = randomUUID()
    await attempt(path, 'create', acquire(file, token, staleAfter))
    const isHeld = async (): Promise<boolean> => (await readToken(file)) === token
    try {
      return await work({ isHeld })
    } finally {
      if (await isHeld()) await rm(path, { force: true })
    }
  })
}
