// BuildKit's plain progress as log lines: what commands wrote, what was cached, what went wrong.
import type { Log } from '@polyarch/ci-host'
import { createLastLines, type EngineWords } from '@polyarch/engine'

export interface Progress extends EngineWords {
  /** Takes a line of stdout or stderr. */
  add(line: string): void
  /** How many steps were taken from a cache. */
  readonly cached: number
}

/** A warning of BuildKit's linter: `- RuleName: what is wrong (line 3)`. */
const lint = /^ - (\w+): (.*) \(line (\d+)\)$/

/** Translates the output into the log, line by line; `dockerfile` is the file's name for people. */
export const createProgress = (log: Log, dockerfile: string): Progress => {
  const last = createLastLines()
  let cached = 0
  let error: string | undefined
  return {
    add: (line) => {
      const [, output] = /^#\d+ \d+\.\d+ (.*)$/.exec(line) ?? []
      const [, said] = /^(?:error|ERROR): (.*)$/.exec(line) ?? []
      const [, rule, message, number] = lint.exec(line) ?? []
      if (output !== undefined) last.add(output)
      if (/^#\d+ CACHED$/.test(line)) cached += 1
      if (said !== undefined) error = said
      else if (rule !== undefined && message !== undefined)
        log.warning(`${rule}: ${message}`, { file: dockerfile, line: Number(number) })
      else if (/^time="[^"]*" level=/.test(line)) log.debug(line)
      else if (line.trim() !== '') log.info(line)
    },
    lastLines: last.lines,
    get cached() {
      return cached
    },
    get error() {
      return error
    },
  }
}
