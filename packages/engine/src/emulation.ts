// Whether this machine can run programs for another platform, and what it lacks when it cannot.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Platform } from '@polyarch/oci'
import { readElfHeader } from './elf.ts'

/** What the kernel starts foreign programs with (https://docs.kernel.org/admin-guide/binfmt-misc.html). */
export interface Emulator {
  /** The name of the registration, for example qemu-aarch64. */
  readonly name: string
  readonly interpreter: string
  readonly architecture: string
  /** Flag F: opened when it was registered, so that it works where its file cannot be seen, as in a chroot. */
  readonly isFixed: boolean
}

const binfmtDirectory = '/proc/sys/fs/binfmt_misc'

const field = (text: string, name: string): string | undefined =>
  new RegExp(`^${name}:?[ \\t]+(.*)$`, 'm').exec(text)?.[1]?.trim()

/** The emulator that one file of binfmt_misc registers; undefined when it is off or not for ELF programs. */
const parseEmulator = (name: string, text: string): Emulator | undefined => {
  const interpreter = field(text, 'interpreter')
  const magic = field(text, 'magic')
  if (!/^enabled$/m.test(text) || interpreter === undefined || magic === undefined) return undefined
  if (!/^(?:[0-9a-f]{2})+$/.test(magic) || (field(text, 'offset') ?? '0') !== '0') return undefined
  const architecture = readElfHeader(Buffer.from(magic, 'hex'))?.architecture
  if (architecture === undefined) return undefined
  return { name, interpreter, architecture, isFixed: (field(text, 'flags') ?? '').includes('F') }
}

/** What cannot be read here is not registered here: both are normal in a container. */
const absentCodes = ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM']

const unlessAbsent = async <T>(work: Promise<T>): Promise<T | undefined> => {
  try {
    return await work
  } catch (error) {
    if (absentCodes.includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}

/** The emulators that are registered and on, by name; none where the kernel does not tell. */
export const readEmulators = async (directory: string = binfmtDirectory): Promise<Emulator[]> => {
  const read = (name: string) => unlessAbsent(readFile(join(directory, name), 'utf8'))
  const names = (await unlessAbsent(readdir(directory))) ?? []
  if ((await read('status'))?.trim() === 'disabled') return []
  const emulators = await Promise.all(
    names
      .filter((name) => name !== 'register' && name !== 'status')
      .sort()
      .map(async (name) => {
        const text = await read(name)
        return text === undefined ? undefined : parseEmulator(name, text)
      }),
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
