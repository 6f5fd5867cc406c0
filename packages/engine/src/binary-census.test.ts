// Which binaries contradict a platform, and which do not.
import { parsePlatform } from '@polyarch/oci'
import { elfBytes } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { createBinaryCensus } from './binary-census.ts'

const amd64 = elfBytes({ machine: 62 })
const i386 = elfBytes({ machine: 3, bits: 32 })
const arm64 = elfBytes({ machine: 183 })
const arm = elfBytes({ machine: 40, bits: 32 })
const bpf = elfBytes({ machine: 247 })

const judge = (
  platform: string,
  files: readonly (readonly [path: string, bytes: Uint8Array])[],
  started: readonly string[] = [],
): string | undefined => {
  const census = createBinaryCensus(parsePlatform(platform))
  for (const [path, bytes] of files) census.add(path, bytes)
  return census.contradiction(started)
}

describe('contradicts the platform', () => {
  test('when all binaries are foreign', () => {
    expect(judge('linux/arm64', [['app/server', amd64]])).toMatch(/^\/app\/server is a amd64 binary, and no binary/)
  })

  test('when most programs are foreign, though not all', () => {
    const files = [
      ['bin/busybox', amd64],
      ['usr/bin/env', amd64],
      ['usr/lib/x86_64-linux-gnu/libc.so.6', amd64],
      ['usr/bin/own', arm64],
    ] as const
    expect(judge('linux/arm64', files)).toMatch(/^\/bin\/busybox is a amd64 binary, as are most programs .*\(3\)$/)
  })

  test('when the file that the image starts is foreign, however many right ones there are', () => {
    const files = [
      ['bin/sh', arm64],
      ['bin/cat', arm64],
      ['app/server', amd64],
    ] as const
    expect(judge('linux/arm64', files, ['app/server'])).toMatch(/^\/app\/server, which the image starts/)
  })

  test('when a 64-bit image has 32-bit binaries only', () => {
    expect(judge('linux/arm64', [['bin/sh', arm]])).toMatch(/no binary in the image is for arm64/)
  })
})

describe('agrees with the platform', () => {
  test.each([
    ['no binaries at all', 'linux/arm64', [['app/run.py', Buffer.from('#!/usr/bin/python3\nprint(1)\n')]]],
    [
      'an emulator of another machine among native programs',
      'linux/arm64',
      [
        ['bin/sh', arm64],
        ['usr/bin/env', arm64],
        ['usr/bin/box64-amd64', amd64],
      ],
    ],
    [
      'a cross compiler with a whole foreign library tree',
      'linux/amd64',
      [
        ['bin/sh', amd64],
        ['usr/aarch64-linux-gnu/lib/libc.so.6', arm64],
        ['usr/aarch64-linux-gnu/lib/libm.so.6', arm64],
        ['usr/lib/gcc-cross/aarch64-linux-gnu/12/libgcc_s.so', arm64],
      ],
    ],
    [
      'more 32-bit libraries than 64-bit programs',
      'linux/amd64',
      [
        ['bin/sh', amd64],
        ['usr/lib/i386-linux-gnu/a.so', i386],
        ['usr/lib/i386-linux-gnu/b.so', i386],
      ],
    ],
    ['programs for no image platform', 'linux/arm64', [['lib/probe.o', bpf]]],
  ] as const)('%s', (_, platform, files) => {
    expect(judge(platform, files)).toBeUndefined()
  })

  test('a foreign file that a later layer replaces is not what the image starts', () => {
    const files = [
      ['bin/sh', arm64],
      ['app/server', amd64],
      ['app/server', arm64],
    ] as const
    expect(judge('linux/arm64', files, ['app/server'])).toBeUndefined()
  })
})
