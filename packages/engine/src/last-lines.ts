// The end of what a program said, kept to explain its failure.

export interface LastLines {
  readonly lines: readonly string[]
  add(line: string): void
}

/** How many are kept. */
const limit = 40

export const createLastLines = (): LastLines => {
  const lines: string[] = []
  return {
    lines,
    add: (line) => {
      lines.push(line)
      if (lines.length > limit) lines.shift()
    },
  }
}
