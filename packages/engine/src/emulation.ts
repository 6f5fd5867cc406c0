// Whether this machine can run programs for another platform, and what it lacks when it cannot.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Platform } from '@polyarch/oci'
import { readElfHeader } from './elf.ts'

/** What the kernel starts foreign programs with (https://docs.kernel.org/admin-guide/binfmt-misc.html). */
export interface Emulator {
  readonly name: string
  readonly architecture: string
  /** Flag F: opened when it was registered, so that it works where its file cannot be seen, as in a chroot. */
  readonly isFixed: boolean
}

const binfmtDirectory = '/proc/sys/fs/binfmt_misc'

/** The emulator that one file of binfmt_misc registers; undefined when it is off or not for ELF programs. */
export const parseEmulator = (name: string, text: string): Emulator | undefined => {
  if (!text.startsWith('enabled')) return undefined
  const magic = /^magic ([0-9a-f]+)$/m.exec(text)?.[1]
  const architecture = magic === undefined ? undefined : readElfHeader(Buffer.from(magic, 'hex'))?.architecture
  if (architecture === undefined) return undefined
  return { name, architecture, isFixed: /^flags:.*F/m.test(text) }
}

/** The emulators that are registered and on; none where the kernel does not tell. */
export const readEmulators = async (directory: string = binfmtDirectory): Promise<Emulator[]> => {
  let names: string[]
  try {
    names = await readdir(directory)
  } catch (error) {
    if (['ENOENT', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
  const files = names.filter((name) => name !== 'register' && name !== 'status')
  const emulators = await Promise.all(
    files.map(async (name) => parseEmulator(name, await readFile(join(directory, name), 'utf8'))),
  )
  return emulators.filter((emulator) => emulator !== undefined)
}

/** 32-bit programs that the processors of the key run themselves. */
const ownCompanions: Readonly<Record<string, readonly string[]>> = { amd64: ['386'], arm64: ['arm'] }

/** Why programs for the platform cannot be run in another root of this machine; undefined when they can. */
export const explainNotRunnable = (
  machine: Platform,
  platform: Platform,
  emulators: readonly Emulator[],
): string | undefined => {
  const { architecture } = platform
  if (architecture === machine.architecture || ownCompanions[machine.architecture]?.includes(architecture))
    return undefined
  const own = emulators.filter((emulator) => emulator.architecture === architecture)
  if (own.some(({ isFixed }) => isFixed)) return undefined
  return own.length > 0
    ? `the emulator ${own[0]!.name} is registered without flag F, so that it is missing in the build's root`
    : `no emulator for ${architecture} is registered`
}
