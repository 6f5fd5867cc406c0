// BuildKit's plain progress as log lines: what commands wrote, what was cached, what went wrong.
import type { Log } from '@polyarch/ci-host'
import { createLastLines, type EngineWords } from '@polyarch/engine'

export interface Progress extends EngineWords {
  /** Takes a line of stdout or stderr. */
  add(line: string): void
}

/** A warning of BuildKit's linter: `- RuleName: what is wrong (line 3)`. */
const lint = /^ - (\w+): (.*) \(line (\d+)\)$/

/** The title of a step that is an instruction of the Dockerfile and not the pull of a base image. */
const isInstruction = /^\[[^\]]*\d+\/\d+\] (?!FROM )/

/** Translates the output into the log, line by line; `dockerfile` is the file's name for people. */
export const createProgress = (log: Log, dockerfile: string): Progress => {
  const last = createLastLines()
  let cacheHits = 0
  /** The numbers of the steps that are. */
  const instructions = new Set<string>()
  let error: string | undefined
  return {
    add: (line) => {
      const [, output] = /^#\d+ \d+\.\d+ (.*)$/.exec(line) ?? []
      const [, said] = /^(?:error|ERROR): (.*)$/.exec(line) ?? []
      const [, rule, message, number] = lint.exec(line) ?? []
      if (output !== undefined) last.add(output)
      const [, step, title] = /^#(\d+) (.*)$/.exec(line) ?? []
      if (step !== undefined && title !== undefined && isInstruction.test(title)) instructions.add(step)
      if (step !== undefined && title === 'CACHED' && instructions.has(step)) cacheHits += 1
      if (said !== undefined) error = said
      else if (rule !== undefined && message !== undefined)
        log.warning(`${rule}: ${message}`, { file: dockerfile, line: Number(number) })
      else if (/^time="[^"]*" level=/.test(line)) log.debug(line)
      else if (line.trim() !== '') log.info(line)
    },
    lastLines: last.lines,
    get cacheHits() {
      return cacheHits
    },
    get error() {
      return error
    },
  }
}
