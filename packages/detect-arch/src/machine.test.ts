// The platform and the emulators of machines, from what their kernels show.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { type MachineSources, readMachine } from './machine.ts'
import { runsNatively } from './native-platform.ts'

/** The first 20 bytes of an ELF file: class, byte order and machine are what tells its platform. */
const elf = (bits: 32 | 64, machine: number, littleEndian = true): Buffer => {
  const header = Buffer.alloc(20)
  header.write('\x7fELF', 'latin1')
  header[4] = bits === 64 ? 2 : 1
  header[5] = littleEndian ? 1 : 2
  if (littleEndian) header.writeUInt16LE(machine, 18)
  else header.writeUInt16BE(machine, 18)
  return header
}

const binfmt = (interpreter: string, magic: string, flags = 'POF', state = 'enabled'): string =>
  `${state}\ninterpreter ${interpreter}\nflags: ${flags}\noffset 0\nmagic ${magic}\nmask ffffffffffffff00fffffffffffffffffeffffff\n`

const magics = {
  aarch64: '7f454c460201010000000000000000000200b700',
  arm: '7f454c4601010100000000000000000002002800',
  s390x: '7f454c4602020100000000000000000000020016',
}

const readFixture = async (files: Readonly<Record<string, string | Buffer>>, sources: Partial<MachineSources> = {}) => {
  await using directory = await temporaryDirectory('machine')
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory.path, name)), { recursive: true })
    await writeFile(join(directory.path, name), content)
  }
  return await readMachine({ root: directory.path, os: 'linux', machine: 'x86_64', arch: 'x64', env: {}, ...sources })
}

describe('automatic arch selection: the platform of the machine', () => {
  test.each<[string, Partial<MachineSources>, Readonly<Record<string, Buffer>>, string, string]>([
    ['an amd64 machine', {}, { 'bin/sh': elf(64, 62) }, 'linux/amd64', 'linux/amd64'],
    [
      'an arm64 machine',
      { machine: 'aarch64', arch: 'arm64' },
      { 'bin/sh': elf(64, 183) },
      'linux/arm64',
      'linux/arm64',
    ],
    [
      'a 32-bit userland on a 64-bit ARM kernel',
      { machine: 'aarch64', arch: 'arm' },
      { 'bin/sh': elf(32, 40) },
      'linux/arm/v7',
      'linux/arm64',
    ],
    ['a 32-bit userland on an amd64 kernel', { arch: 'ia32' }, { 'bin/sh': elf(32, 3) }, 'linux/386', 'linux/amd64'],
    ['the same without a shell', { machine: 'aarch64', arch: 'arm' }, {}, 'linux/arm/v7', 'linux/arm64'],
    [
      'a first Raspberry Pi',
      { machine: 'armv6l', arch: 'arm' },
      { 'bin/sh': elf(32, 40) },
      'linux/arm/v6',
      'linux/arm/v6',
    ],
    [
      'a big-endian mainframe',
      { machine: 's390x', arch: 's390x' },
      { 'bin/sh': elf(64, 22, false) },
      'linux/s390x',
      'linux/s390x',
    ],
    ['riscv64', { machine: 'riscv64', arch: 'riscv64' }, { 'bin/sh': elf(64, 243) }, 'linux/riscv64', 'linux/riscv64'],
    ['a Windows machine', { os: 'win32', machine: 'x86_64' }, {}, 'windows/amd64', 'windows/amd64'],
    ['a Mac', { os: 'darwin', machine: 'arm64', arch: 'arm64' }, {}, 'darwin/arm64', 'darwin/arm64'],
    [
      'a kernel that nobody knows, on GitHub',
      { machine: 'unknown', arch: 'unknown', env: { RUNNER_ARCH: 'ARM64' } },
      {},
      'linux/arm64',
      'linux/arm64',
    ],
  ])('is right for %s', async (_what, sources, files, platform, kernel) => {
    expect(await readFixture(files, sources)).toMatchObject({ platform, kernel })
  })

  test('is what the programs are, whatever a forge says; the contradiction is told', async () => {
    const machine = await readFixture({ 'bin/sh': elf(64, 62) }, { env: { CI_RUNNER_EXECUTABLE_ARCH: 'linux/arm64' } })
    expect(machine.platform).toBe('linux/amd64')
    expect(machine.doubts).toEqual([
      'CI_RUNNER_EXECUTABLE_ARCH says linux/arm64, the programs here are for linux/amd64',
    ])
  })

  test.each([
    ['GitHub', { RUNNER_ARCH: 'X64' }],
    ['GitLab', { CI_RUNNER_EXECUTABLE_ARCH: 'linux/amd64' }],
  ])('raises no doubt where %s agrees', async (_forge, env) => {
    expect((await readFixture({ 'bin/sh': elf(64, 62) }, { env })).doubts).toEqual([])
  })
})

describe('the emulators', () => {
  test('are what binfmt_misc has registered and enabled for ELF binaries', async () => {
    const { emulators } = await readFixture({
      'proc/sys/fs/binfmt_misc/status': 'enabled\n',
      'proc/sys/fs/binfmt_misc/register': '',
      'proc/sys/fs/binfmt_misc/qemu-aarch64': binfmt('/usr/bin/qemu-aarch64-static', magics.aarch64),
      'proc/sys/fs/binfmt_misc/qemu-arm': binfmt('/usr/bin/qemu-arm-static', magics.arm, 'P'),
      'proc/sys/fs/binfmt_misc/qemu-s390x': binfmt('/usr/bin/qemu-s390x', magics.s390x, 'F', 'disabled'),
      'proc/sys/fs/binfmt_misc/python3.11':
        'enabled\ninterpreter /usr/bin/python3.11\nflags: \noffset 0\nmagic a70d0d0a\n',
      'proc/sys/fs/binfmt_misc/jar': 'enabled\ninterpreter /usr/bin/jexec\nflags: \nextension .jar\n',
    })
    expect(emulators.map(({ platform, name, fixed }) => [platform, name, fixed])).toEqual([
      ['linux/arm64', 'qemu-aarch64', true],
      ['linux/arm/v7', 'qemu-arm', false],
    ])
  })

  test('are none where binfmt_misc is switched off, or not there', async () => {
    expect((await readFixture({})).emulators).toEqual([])
    const off = {
      'proc/sys/fs/binfmt_misc/status': 'disabled\n',
      'proc/sys/fs/binfmt_misc/qemu-aarch64': binfmt('/usr/bin/qemu', magics.aarch64),
    }
    expect((await readFixture(off)).emulators).toEqual([])
  })
})

test.each([
  ['linux/amd64', 'linux/amd64', true],
  ['linux/amd64', 'linux/386', true],
  ['linux/amd64', 'linux/amd64/v3', true],
  ['linux/amd64', 'linux/arm64', false],
  ['linux/amd64', 'windows/amd64', false],
  ['linux/arm/v7', 'linux/arm/v6', true],
  ['linux/arm/v6', 'linux/arm/v7', false],
  // Many 64-bit ARM servers cannot run 32-bit programs at all.
  ['linux/arm64', 'linux/arm/v7', false],
])('a machine of %s runs %s natively: %s', (own, wanted, expected) => {
  expect(runsNatively({ platform: own, kernel: own }, wanted)).toBe(expected)
})

test('a 64-bit kernel under a 32-bit userland runs both', () => {
  const machine = { platform: 'linux/arm/v7', kernel: 'linux/arm64' }
  expect([runsNatively(machine, 'linux/arm/v7'), runsNatively(machine, 'linux/arm64')]).toEqual([true, true])
})
