// BuildKit's plain progress as log lines: what commands wrote, what was cached, what went wrong.
import type { Log } from '@polyarch/ci-host'
import { createInstructionRecord, createLastLines, type EngineWords, type InstructionTimes } from '@polyarch/engine'

export interface Progress extends EngineWords {
  /** Takes a line of stdout or stderr. */
  add(line: string): void
}

/** A warning of BuildKit's linter: `- RuleName: what is wrong (line 3)`. */
const lint = /^ - (\w+): (.*) \(line (\d+)\)$/

/** The title of a step that is an instruction of the Dockerfile and not the pull of a base image. */
const instruction = /^\[[^\]]*\d+\/\d+\] ((?!FROM ).*)$/

/** Of a longer heredoc the title has the first line alone. */
const shortened = /<<.*\.\.\.\)$/

/** Said of a step that is not run; where the next one needs its layer, it is pulled from the cache repository instead. */
const taken = /^(?:CACHED$|(?:extracting )?sha256:)/

interface Step {
  readonly text: string
  isTaken: boolean
  /** How long BuildKit says that it took. */
  seconds: number | undefined
}

const timesOf = (steps: Iterable<Step>): InstructionTimes => {
  const times = createInstructionRecord()
  for (const { text, isTaken, seconds } of steps) {
    const whole = shortened.test(text) ? undefined : text
    if (isTaken) times.addCached(whole)
    else if (whole !== undefined && seconds !== undefined) times.addRun(whole, seconds)
  }
  return times
}

/** Translates the output into the log, line by line; `dockerfile` is the file's name for people. */
export const createProgress = (log: Log, dockerfile: string): Progress => {
  const last = createLastLines()
  /** Those that are instructions, by their numbers. */
  const steps = new Map<string, Step>()
  const watchSteps = (line: string): void => {
    const [, number, said] = /^#(\d+) (.*)$/.exec(line) ?? []
    if (number === undefined || said === undefined) return
    const [, text] = instruction.exec(said) ?? []
    const step = steps.get(number)
    if (step === undefined) {
      if (text !== undefined) steps.set(number, { text, isTaken: false, seconds: undefined })
      return
    }
    const [, seconds] = /^DONE (\d+\.\d+)s$/.exec(said) ?? []
    if (seconds !== undefined) step.seconds = Number(seconds)
    else if (taken.test(said)) step.isTaken = true
  }
  let error: string | undefined
  return {
    add: (line) => {
      const [, output] = /^#\d+ \d+\.\d+ (.*)$/.exec(line) ?? []
      const [, said] = /^(?:error|ERROR): (.*)$/.exec(line) ?? []
      const [, rule, message, number] = lint.exec(line) ?? []
      if (output !== undefined) last.add(output)
      watchSteps(line)
      if (said !== undefined) error = said
      else if (rule !== undefined && message !== undefined)
        log.warning(`${rule}: ${message}`, { file: dockerfile, line: Number(number) })
      else if (/^time="[^"]*" level=/.test(line)) log.debug(line)
      else if (line.trim() !== '') log.info(line)
    },
    lastLines: last.lines,
    get instructions() {
      return timesOf(steps.values())
    },
    get error() {
      return error
    },
  }
}
