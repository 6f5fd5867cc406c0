// Counts the ELF binaries of an image by architecture and says whether they contradict its platform.
import type { Platform } from '@polyarch/oci'
import { readElfHeader } from './elf.ts'

/** Architectures whose binaries the key's machines run as their own, so that they prove nothing on their own. */
const companions: Readonly<Record<string, readonly string[]>> = {
  amd64: ['386'],
  arm64: ['arm'],
  mips64: ['mips'],
  mips64le: ['mipsle'],
  riscv64: ['riscv32'],
  s390x: ['s390'],
}

/** Where programs and their libraries live; cross toolchains and firmware keep theirs below other names. */
const programDirectory =
  /^(?:usr\/(?:local\/)?)?(?:s?bin|lib(?:32|64|x32|exec)?)(?:\/[^/]*-linux-(?:gnu|musl)[^/]*)?\/[^/]+$/

/** How many foreign files are remembered by name. */
const rememberedFiles = 10_000

interface Count {
  files: number
  /** One of them, for the message. */
  example: string
}

/** Takes in the files of an image, lowest layer first. */
export interface BinaryCensus {
  /** Counts the file when it is a binary; `head` is its first 20 bytes. */
  add(path: string, head: Uint8Array): void
  /**
   * Why the binaries contradict the platform, or undefined when they do not. They do when
   * - the file that the image starts is for another architecture, or
   * - most binaries in the usual program directories are for another architecture, or
   * - there are binaries, and not one is for the platform's.
   * A few foreign ones among many right ones (a cross compiler, firmware, an emulator) are no contradiction.
   */
  contradiction(startedFiles: readonly string[]): string | undefined
  /** How many binaries there are by architecture. */
  counts(): Readonly<Record<string, number>>
}

const countIn = (counts: Map<string, Count>, architecture: string, path: string): void => {
  const count = counts.get(architecture)
  if (count) count.files += 1
  else counts.set(architecture, { files: 1, example: path })
}

export const createBinaryCensus = (platform: Platform): BinaryCensus => {
  const native = new Set([platform.architecture, ...(companions[platform.architecture] ?? [])])
  const everywhere = new Map<string, Count>()
  const inProgramDirectories = new Map<string, Count>()
  const foreign = new Map<string, string>()

  const mostIn = (counts: Map<string, Count>): [architecture: string, count: Count] | undefined =>
    [...counts].sort(([, left], [, right]) => right.files - left.files)[0]

  return {
    add: (path, head) => {
      const header = readElfHeader(head)
      // A later layer's file replaces an earlier one of the same name.
      foreign.delete(path)
      if (header?.architecture === undefined || !header.loadable) return
      countIn(everywhere, header.architecture, path)
      if (programDirectory.test(path)) countIn(inProgramDirectories, header.architecture, path)
      if (!native.has(header.architecture) && foreign.size < rememberedFiles) foreign.set(path, header.architecture)
    },
    contradiction: (startedFiles) => {
      for (const file of startedFiles) {
        const architecture = foreign.get(file)
        if (architecture !== undefined) return `/${file}, which the image starts, is a ${architecture} binary`
      }
      const most = mostIn(inProgramDirectories)
      if (most && !native.has(most[0])) {
        const [architecture, { files, example }] = most
        return `/${example} is a ${architecture} binary, as are most programs in the image (${files})`
      }
      const all = mostIn(everywhere)
      if (all && !everywhere.has(platform.architecture))
        return `/${all[1].example} is a ${all[0]} binary, and no binary in the image is for ${platform.architecture}`
      return undefined
    },
    counts: () => Object.fromEntries([...everywhere].map(([architecture, { files }]) => [architecture, files])),
  }
}
