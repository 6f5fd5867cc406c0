// Work directories of runs that end, run side by side, or are killed.
import { mkdir, readdir, stat, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { temporaryDirectory } from '@polyarch/parts'
import { expect, test } from 'vitest'
import { openWorkDirectory, workDirectories } from './work-directory.ts'

test('nobody else may look into it, and it is gone afterwards', async () => {
  await using workspace = await temporaryDirectory()
  {
    await using work = await openWorkDirectory(workspace.path, 'kaniko')
    const { path } = work
    expect((await stat(path)).mode & 0o077).toBe(0)
    await mkdir(join(path, 'deep/er'), { recursive: true })
  }
  expect(await readdir(workspace.path)).toEqual([])
})

test('two runs at once do not touch each other; a killed one is swept, by whoever removes its files', async () => {
  await using workspace = await temporaryDirectory()
  await using first = await openWorkDirectory(workspace.path, 'kaniko')
  const killed = first.path.replace(/\.\d+-[^-]*$/, '.1-abcdef')
  await mkdir(join(killed, 'root'), { recursive: true })
  const removed: string[] = []
  await using second = await openWorkDirectory(
    workspace.path,
    'kaniko',
    async (directory) => void removed.push(directory),
  )
  expect(removed).toEqual([killed])
  expect(await readdir(join(workspace.path, workDirectories))).toContain(second.path.split('/').at(-1))
  await expect(stat(first.path)).resolves.toBeDefined()
})

test.each(['.polyarch', '.polyarch/work'])('%s as a symbolic link of the repository is refused', async (name) => {
  await using workspace = await temporaryDirectory()
  await using elsewhere = await temporaryDirectory()
  await mkdir(dirname(join(workspace.path, name)), { recursive: true })
  await symlink(elsewhere.path, join(workspace.path, name))
  await expect(openWorkDirectory(workspace.path, 'kaniko')).rejects.toMatchObject({ kind: 'input' })
  expect(await readdir(elsewhere.path)).toEqual([])
})
