// Reads which platform a binary is for from the first bytes of its ELF header (elf(5)).

export interface ElfFacts {
  readonly bits: 32 | 64
  /** The architecture in an image's terms; undefined for one that no image has. */
  readonly architecture: string | undefined
}

const machineOffset = 18

/** Bytes of a header that are needed to tell the architecture. */
export const elfHeaderSize = 20

const architectureOf = (machine: number, bits: 32 | 64, littleEndian: boolean): string | undefined => {
  switch (machine) {
    case 3:
    case 6:
      return '386'
    case 8:
      return `mips${bits === 64 ? '64' : ''}${littleEndian ? 'le' : ''}`
    case 21:
      return littleEndian ? 'ppc64le' : undefined
    case 22:
      return bits === 64 ? 's390x' : undefined
    case 40:
      return littleEndian ? 'arm' : undefined
    case 62:
      return bits === 64 ? 'amd64' : undefined
    case 183:
      return littleEndian && bits === 64 ? 'arm64' : undefined
    case 243:
      return bits === 64 ? 'riscv64' : undefined
    case 258:
      return bits === 64 ? 'loong64' : undefined
    default:
      return undefined
  }
}

/** What the header says, or undefined when the bytes are no ELF binary. */
export const readElf = (header: Uint8Array): ElfFacts | undefined => {
  if (header.length < elfHeaderSize) return undefined
  if (header[0] !== 0x7f || header[1] !== 0x45 || header[2] !== 0x4c || header[3] !== 0x46) return undefined
  const bits = header[4] === 2 ? 64 : 32
  const littleEndian = header[5] !== 2
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength)
  return { bits, architecture: architectureOf(view.getUint16(machineOffset, littleEndian), bits, littleEndian) }
}
