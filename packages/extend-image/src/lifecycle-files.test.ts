// The lifecycle's files: what is read of them, and that one is replaced whole, with its owner and mode.
import { chmod, chown, lstat, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lacks, temporaryDirectory } from '@polyarch/parts'
import { expect, test } from 'vitest'
import { readLifecycleFiles, replaceText } from './lifecycle-files.ts'
import type { ExtendPlan } from './plan.ts'

const open = async (files: Readonly<Record<string, string | Uint8Array>>) => {
  const directory = await temporaryDirectory()
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory.path, name), content)
  const warnings: string[] = []
  const paths = { analyzed: join(directory.path, 'analyzed.toml'), group: join(directory.path, 'group.toml') }
  const log = { warning: (message: string) => void warnings.push(message) }
  return {
    directory: directory.path,
    warnings,
    read: () => readLifecycleFiles({ paths } as ExtendPlan, { log } as never),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  }
}

test('analyzed.toml may be missing, group.toml may not', async () => {
  await using scene = await open({ 'group.toml': '' })
  expect(await scene.read()).toEqual({ text: '', analyzed: {}, extensions: [] })
  expect(scene.warnings).toEqual([`No analyzed metadata found at path "${scene.directory}/analyzed.toml"`])
  await using without = await open({ 'analyzed.toml': '' })
  await expect(without.read()).rejects.toMatchObject({
    exitCode: 1,
    message: `failed to initialize extender: reading group: failed to read group file: open ${without.directory}/group.toml: no such file or directory`,
  })
})

test.each([
  ['no UTF-8', Buffer.from([0x61, 0xff]), /is not UTF-8$/],
  ['too large', new Uint8Array(5 * 1024 * 1024), /has 5242880 bytes: more than the limit of 4194304$/],
])('a file that is %s is refused', async (_, content, message) => {
  await using scene = await open({ 'analyzed.toml': content, 'group.toml': '' })
  await expect(scene.read()).rejects.toMatchObject({ kind: 'input', message: expect.stringMatching(message) })
})

test('a directory in its place is refused', async () => {
  await using scene = await open({ 'group.toml': '' })
  await symlink(scene.directory, join(scene.directory, 'analyzed.toml'))
  await expect(scene.read()).rejects.toMatchObject({
    message: expect.stringMatching(/analyzed\.toml cannot be read \(EISDIR\)$/),
  })
})

test.skipIf(lacks('root'))('a file is replaced with its owner and mode, also behind a link', async () => {
  await using scene = await open({ real: 'before' })
  const real = join(scene.directory, 'real')
  await chown(real, 1000, 1001)
  await chmod(real, 0o640)
  await symlink('real', join(scene.directory, 'link'))
  await replaceText(join(scene.directory, 'link'), '\u{FEFF}after\r\n')
  expect(await readFile(real, 'utf8')).toBe('\u{FEFF}after\r\n')
  const { uid, gid, mode } = await stat(real)
  expect([uid, gid, mode & 0o7777]).toEqual([1000, 1001, 0o640])
  expect((await lstat(join(scene.directory, 'link'))).isSymbolicLink()).toBe(true)
  expect((await readdir(scene.directory)).sort()).toEqual(['link', 'real'])
})
