// ELF headers for tests.

export interface SampleElf {
  readonly machine: number
  readonly bits?: 32 | 64
  readonly bigEndian?: boolean
  /** e_type; default an executable. */
  readonly type?: number
}

/** The first 64 bytes of a binary for the machine. */
export const elfBytes = ({ machine, bits = 64, bigEndian = false, type = 2 }: SampleElf): Buffer => {
  const bytes = Buffer.alloc(64)
  bytes.write('\x7fELF', 'latin1')
  bytes[4] = bits === 32 ? 1 : 2
  bytes[5] = bigEndian ? 2 : 1
  bytes[6] = 1
  if (bigEndian) {
    bytes.writeUInt16BE(type, 16)
    bytes.writeUInt16BE(machine, 18)
  } else {
    bytes.writeUInt16LE(type, 16)
    bytes.writeUInt16LE(machine, 18)
  }
  return bytes
}
