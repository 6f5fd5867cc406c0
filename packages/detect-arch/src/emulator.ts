// Emulators that the kernel starts foreign binaries with, as binfmt_misc lists them
// (https://docs.kernel.org/admin-guide/binfmt-misc.html).
import { formatPlatform } from '@polyarch/oci'
import { elfHeaderSize, readElf } from './elf.ts'

export interface Emulator {
  /** The name of the registration, for example qemu-aarch64. */
  readonly name: string
  readonly interpreter: string
  readonly platform: string
  /** Whether the kernel holds the interpreter open (flag F), so that it works inside containers and other roots. */
  readonly fixed: boolean
}

const field = (text: string, name: string): string | undefined =>
  new RegExp(`^${name}:?[ \\t]+(.*)$`, 'm').exec(text)?.[1]?.trim()

/** The emulator that one file below /proc/sys/fs/binfmt_misc registers; undefined when it is off or not for ELF binaries. */
export const parseEmulator = (name: string, text: string): Emulator | undefined => {
  const interpreter = field(text, 'interpreter')
  const magic = field(text, 'magic')
  if (!/^enabled$/m.test(text) || interpreter === undefined || magic === undefined) return undefined
  if (!/^(?:[0-9a-f]{2})+$/.test(magic) || (field(text, 'offset') ?? '0') !== '0') return undefined
  const bytes = Buffer.from(magic, 'hex')
  const elf = bytes.length < elfHeaderSize ? undefined : readElf(bytes)
  if (elf?.architecture === undefined) return undefined
  return {
    name,
    interpreter,
    platform: formatPlatform({ os: 'linux', architecture: elf.architecture }),
    fixed: (field(text, 'flags') ?? '').includes('F'),
  }
}
