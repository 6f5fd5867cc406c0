// BuildKit's plain progress as log lines: what commands wrote, what was cached, what went wrong.
import type { Log } from '@polyarch/ci-host'

/** How many of the last lines are kept to explain a failure. */
const rememberedLines = 40

export interface Progress {
  /** Takes a line of stdout or stderr. */
  add(line: string): void
  /** The last lines that commands of RUN instructions wrote. */
  readonly lastLines: readonly string[]
  /** How many steps were taken from a cache. */
  readonly cached: number
  /** What BuildKit says made it fail, where it says so. */
  readonly error: string | undefined
}

/** A warning of BuildKit's linter: `- RuleName: what is wrong (line 3)`. */
const lint = /^ - (\w+): (.*) \(line (\d+)\)$/

/** Translates the output into the log, line by line; `dockerfile` is the file's name for people. */
export const createProgress = (log: Log, dockerfile: string): Progress => {
  const lastLines: string[] = []
  let cached = 0
  let error: string | undefined
  return {
    add: (line) => {
      const [, output] = /^#\d+ \d+\.\d+ (.*)$/.exec(line) ?? []
      const [, said] = /^(?:error|ERROR): (.*)$/.exec(line) ?? []
      const [, rule, message, number] = lint.exec(line) ?? []
      if (output !== undefined) {
        lastLines.push(output)
        if (lastLines.length > rememberedLines) lastLines.shift()
      }
      if (/^#\d+ CACHED$/.test(line)) cached += 1
      if (said !== undefined) error = said
      else if (rule !== undefined && message !== undefined)
        log.warning(`${rule}: ${message}`, { file: dockerfile, line: Number(number) })
      else if (/^time="[^"]*" level=/.test(line)) log.debug(line)
      else if (line.trim() !== '') log.info(line)
    },
    lastLines,
    get cached() {
      return cached
    },
    get error() {
      return error
    },
  }
}
