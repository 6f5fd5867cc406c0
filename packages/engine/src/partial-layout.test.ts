// What is where the layout goes, before, during and after a build.
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { openPartialLayout } from './partial-layout.ts'

test('nothing is where the layout goes until it is published', async () => {
  await using directory = await temporaryDirectory()
  const layout = join(directory.path, 'out', 'web')
  {
    await using partial = await openPartialLayout(layout)
    await writeFile(join(partial.path, 'oci-layout'), 'new')
    await expect(stat(layout)).rejects.toMatchObject({ code: 'ENOENT' })
    await partial.publish()
  }
  expect(await readFile(join(layout, 'oci-layout'), 'utf8')).toBe('new')
  expect((await stat(layout)).mode & 0o777).toBe(0o755)
  expect(await readdir(join(directory.path, 'out'))).toEqual(['web'])
})

test('an earlier layout stays until it is replaced, and is then gone', async () => {
  await using directory = await temporaryDirectory()
  const layout = join(directory.path, 'web')
  await mkdir(layout)
  for (const name of ['oci-layout', 'stale']) await writeFile(join(layout, name), 'old')
  {
    await using _abandoned = await openPartialLayout(layout)
    expect((await readdir(layout)).sort()).toEqual(['oci-layout', 'stale'])
  }
  expect((await readdir(layout)).sort()).toEqual(['oci-layout', 'stale'])
  await using partial = await openPartialLayout(layout)
  await writeFile(join(partial.path, 'oci-layout'), 'new')
  await partial.publish()
  expect(await readdir(layout)).toEqual(['oci-layout'])
  expect(await readdir(directory.path)).toEqual(['web'])
})

test('what a killed run left is removed, what another run works on is not', async () => {
  await using directory = await temporaryDirectory()
  const layout = join(directory.path, 'web')
  await using other = await openPartialLayout(layout)
  const owner = /partial-(\d+)\.(\d+)\.(\d+)-/.exec(other.path)!
  const killed = join(directory.path, `.web.partial-${owner[1]}.${owner[2]}.1-abcdef`)
  const elsewhere = join(directory.path, `.web.partial-1.${owner[2]}.1-abcdef`)
  for (const path of [killed, elsewhere]) await mkdir(join(path, 'blobs'), { recursive: true })
  await using _own = await openPartialLayout(layout)
  await expect(stat(killed)).rejects.toMatchObject({ code: 'ENOENT' })
  await expect(stat(other.path)).resolves.toBeDefined()
  await expect(stat(elsewhere)).resolves.toBeDefined()
})

describe('refuses', () => {
  test.each([
    ['a directory with something else in it', 'full'],
    ['a file', 'full/file'],
    ['a path below a file', 'full/file/web'],
  ])('%s', async (_, name) => {
    await using directory = await temporaryDirectory()
    await mkdir(join(directory.path, 'full'))
    await writeFile(join(directory.path, 'full/file'), 'precious')
    await expect(openPartialLayout(join(directory.path, name))).rejects.toMatchObject({ kind: 'input' })
    expect(await readFile(join(directory.path, 'full/file'), 'utf8')).toBe('precious')
    expect(await readdir(directory.path)).toEqual(['full'])
  })

  test('the root', async () => {
    await expect(openPartialLayout('/')).rejects.toMatchObject({ kind: 'input' })
  })
})
