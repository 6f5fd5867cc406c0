// What a machine can run, by what its kernel registers.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parsePlatform } from '@polyarch/oci'
import { lacks, temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { explainNotRunnable, readEmulators } from './emulation.ts'
import { hostPlatform } from './host-platform.ts'

const interpreter = '/usr/libexec/qemu-binfmt/aarch64-binfmt-P'

const arm64 = `interpreter ${interpreter}
flags: POCF
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
`

const emulatorsOf = async (files: Readonly<Record<string, string>>) => {
  await using directory = await temporaryDirectory()
  for (const [name, text] of Object.entries(files)) await writeFile(join(directory.path, name), text)
  return await readEmulators(directory.path)
}

test('reads what binfmt_misc registers for ELF programs', async () => {
  const files = {
    status: 'enabled\n',
    register: '',
    'qemu-aarch64': `enabled\n${arm64}`,
    'qemu-riscv64': `disabled\n${arm64.replace('b700', 'f300')}`,
    'qemu-s390x': `enabled\n${arm64.replace('0201', '0202').replace('0200b700', '00020016').replace('POCF', 'P')}`,
    'python3.11': 'enabled\ninterpreter /usr/bin/python3.11\nflags: \noffset 0\nmagic a70d0d0a\n',
  }
  expect(await emulatorsOf(files)).toEqual([
    { name: 'qemu-aarch64', interpreter, architecture: 'arm64', isFixed: true },
    { name: 'qemu-s390x', interpreter, architecture: 's390x', isFixed: false },
  ])
})

test('without binfmt_misc there is none', async () => {
  await using directory = await temporaryDirectory()
  await mkdir(join(directory.path, 'empty'))
  expect(await readEmulators(join(directory.path, 'empty'))).toEqual([])
  expect(await readEmulators(join(directory.path, 'nowhere'))).toEqual([])
})

describe('what can be run', () => {
  const on = (platform: string, emulators: Parameters<typeof explainNotRunnable>[2] = []) =>
    explainNotRunnable(parsePlatform('linux/amd64'), parsePlatform(platform), emulators)
  const emulator = { name: 'qemu-aarch64', interpreter, architecture: 'arm64', isFixed: true }

  test('the machine’s own programs and what it is told to emulate', () => {
    expect(on('linux/amd64/v3')).toBeUndefined()
    expect(on('linux/386')).toBeUndefined()
    expect(on('linux/arm64', [emulator])).toBeUndefined()
  })

  test('nothing else', () => {
    expect(on('linux/arm64')).toBe('no emulator for arm64 is registered')
    expect(on('linux/s390x', [emulator])).toBe('no emulator for s390x is registered')
    expect(on('linux/arm64', [{ ...emulator, isFixed: false }])).toMatch(/without flag F/)
  })
})

test.skipIf(lacks('binfmt-arm64') || process.arch === 'arm64')('finds this machine’s emulator for arm64', async () => {
  expect(explainNotRunnable(hostPlatform(), parsePlatform('linux/arm64'), await readEmulators())).toBeUndefined()
})
