// ELF headers of all kinds, and what is none.
import { closeSync, openSync, readSync } from 'node:fs'
import { elfBytes } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { elfHeaderBytes, readElfHeader } from './elf.ts'
import { hostPlatform } from './host-platform.ts'

describe('readElfHeader', () => {
  test.each([
    ['386', { machine: 3, bits: 32 }],
    ['amd64', { machine: 62 }],
    ['amd64', { machine: 62, bits: 32 }],
    ['arm', { machine: 40, bits: 32 }],
    ['arm64', { machine: 183 }],
    ['riscv64', { machine: 243 }],
    ['s390x', { machine: 22, bigEndian: true }],
    ['ppc64le', { machine: 21 }],
    ['ppc64', { machine: 21, bigEndian: true }],
    ['loong64', { machine: 258 }],
    ['mips64le', { machine: 8 }],
    ['mips', { machine: 8, bits: 32, bigEndian: true }],
  ] as const)('tells %s', (architecture, header) => {
    expect(readElfHeader(elfBytes(header))).toEqual({ architecture, loadable: true })
  })

  test('knows this very program', () => {
    const program = openSync(process.execPath, 'r')
    const head = Buffer.alloc(elfHeaderBytes)
    readSync(program, head)
    closeSync(program)
    expect(readElfHeader(head)).toEqual({ architecture: hostPlatform().architecture, loadable: true })
  })

  test('an eBPF object belongs to no platform and nothing runs it', () => {
    expect(readElfHeader(elfBytes({ machine: 247, type: 1 }))).toEqual({ architecture: undefined, loadable: false })
  })

  test.each([['#!/bin/sh\nexec true\n'], [''], ['\x7fELF'], ['\x7fELF\x09\x09 no class and no data']])(
    '%j is not ELF',
    (text) => {
      expect(readElfHeader(Buffer.from(text, 'latin1'))).toBeUndefined()
    },
  )
})
