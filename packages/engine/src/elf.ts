// ELF headers: which architecture a binary is for (System V ABI, chapter 4; e_machine values of the LSB registry).

/** What the first bytes of an ELF file say of it. */
export interface ElfHeader {
  /** As a platform's architecture writes it; undefined for a machine that no image platform has (eBPF, firmware). */
  readonly architecture: string | undefined
  /** Whether a kernel or loader runs it: an executable or a shared object, not a relocatable or core file. */
  readonly loadable: boolean
}

/** The bytes of a file that its ELF header needs. */
export const elfHeaderBytes = 20

const executable = 2
const sharedObject = 3

/** By e_machine, e_ident[EI_CLASS] in bits and e_ident[EI_DATA]: one machine number covers several architectures. */
const architectures: Readonly<Record<number, (bits: 32 | 64, littleEndian: boolean) => string | undefined>> = {
  3: () => '386',
  8: (bits, littleEndian) => `mips${bits === 64 ? '64' : ''}${littleEndian ? 'le' : ''}`,
  21: (_, littleEndian) => (littleEndian ? 'ppc64le' : 'ppc64'),
  22: (bits) => (bits === 64 ? 's390x' : 's390'),
  40: () => 'arm',
  62: () => 'amd64',
  183: (_, littleEndian) => (littleEndian ? 'arm64' : 'arm64be'),
  243: (bits) => (bits === 64 ? 'riscv64' : 'riscv32'),
  258: (bits) => (bits === 64 ? 'loong64' : 'loong32'),
}

/** The header in a file's first 20 bytes, or undefined when it is not ELF. */
export const readElfHeader = (head: Uint8Array): ElfHeader | undefined => {
  if (head.length < elfHeaderBytes) return undefined
  if (head[0] !== 0x7f || head[1] !== 0x45 || head[2] !== 0x4c || head[3] !== 0x46) return undefined
  const bits = head[4] === 1 ? 32 : head[4] === 2 ? 64 : undefined
  if (bits === undefined || (head[5] !== 1 && head[5] !== 2)) return undefined
  const littleEndian = head[5] === 1
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const type = view.getUint16(16, littleEndian)
  const machine = view.getUint16(18, littleEndian)
  return {
    architecture: architectures[machine]?.(bits, littleEndian),
    loadable: type === executable || type === sharedObject,
  }
}
