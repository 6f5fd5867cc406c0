// One writer at a time, and nobody waits for the dead.
import { readdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryDirectory } from '@polyarch/parts'
import { expect, test } from 'vitest'
import { withLock } from './index-lock.ts'
import { pathOf } from './layout-files.ts'

test('work under one lock never overlaps, and a failure frees it', async () => {
  await using temporary = await temporaryDirectory('lock')
  const file = { directory: temporary.path, folders: [], name: 'lock' }
  let running = 0
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, (_, turn) =>
      withLock(file, async () => {
        running += 1
        expect(running).toBe(1)
        expect(await readdir(temporary.path)).toEqual(['lock'])
        running -= 1
        if (turn % 2 === 0) throw new Error('half of them fail')
      }),
    ),
  )
  expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(10)
  expect(await readdir(temporary.path)).toEqual([])
})

test.each(['token of the dead', ''])('a lock that a dead process left behind is taken over: %j', async (left) => {
  await using temporary = await temporaryDirectory('lock')
  const file = { directory: temporary.path, folders: [], name: 'lock' }
  await writeFile(pathOf(file), left)
  expect(await withLock(file, async (lock) => await lock.isHeld(), 50)).toBe(true)
  expect(await readdir(temporary.path)).toEqual([])
})

test('a holder that slept too long learns that the lock is another’s, and leaves it', async () => {
  await using temporary = await temporaryDirectory('lock')
  const file = { directory: temporary.path, folders: [], name: 'lock' }
  await withLock(file, async (lock) => {
    await using other = await temporaryDirectory('other')
    await writeFile(join(other.path, 'lock'), '')
    await rename(join(other.path, 'lock'), pathOf(file))
    expect(await lock.isHeld()).toBe(false)
  })
  expect(await readdir(temporary.path)).toEqual(['lock'])
})

test('where the lock cannot be made, the error names it', async () => {
  await using temporary = await temporaryDirectory('lock')
  const file = { directory: join(temporary.path, 'missing'), folders: [], name: 'lock' }
  await expect(withLock(file, async () => undefined)).rejects.toThrow(pathOf(file))
})
