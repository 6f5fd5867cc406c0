// buildah's output as log lines: what it means and what went wrong.
import type { Log } from '@polyarch/ci-host'
import { createInstructionWatch, createLastLines, type EngineWords } from '@polyarch/engine'

export interface EngineLog extends EngineWords {
  /** Takes a line of stdout or stderr. */
  add(line: string, stream: 'stdout' | 'stderr'): void
}

/** logrus in its text format: time="…" level=warning msg="…" */
const parseRecord = (line: string): { level: string; message: string } | undefined => {
  const [, level, text] = /^time="[^"]*" level=(\w+) msg=("(?:[^"\\]|\\.)*"|\S+)/.exec(line) ?? []
  if (level === undefined || text === undefined) return undefined
  return { level, message: text.startsWith('"') ? text.slice(1, -1).replace(/\\(["\\])/g, '$1') : text }
}

/** What buildah's own processes say when a command fails; its last line says it better. */
const echo = /^(?:subprocess exited with status \d+|process exited with error: .*)$/

const unconsumed = /^\[Warning\] one or more build args were not consumed: \[(.*)\]$/

/** Said of a step whose layer there is, after it was pulled from the cache repository too. */
const cacheHit = /^--> Using cache /

const step = /^(?:\[\d+\/\d+\] )?STEP \d+\/\d+: (.*)$/

/** Said when a step that ran has become a layer. */
const stepEnd = /^(?:--> (?!Cache pulled from remote )|(?:\[\d+\/\d+\] )?COMMIT\b)/

/**
 * Translates the output into the log, line by line; arguments that Polyarch gives itself need not be used. `now` is the
 * time in seconds.
 */
export const createEngineLog = (log: Log, ownArgs: ReadonlySet<string>, now?: () => number): EngineLog => {
  const last = createLastLines()
  let error: string | undefined
  const watch = createInstructionWatch(now)
  const watchSteps = (line: string): void => {
    const [, text] = step.exec(line) ?? []
    // Of a heredoc this is the first line alone, and a FROM is no work of the build's.
    if (text !== undefined) watch.begin(/<<|^FROM /i.test(text) ? undefined : text)
    else if (cacheHit.test(line)) watch.cached()
    else if (stepEnd.test(line)) watch.end()
  }
  const remember = (line: string): void => {
    last.add(line)
    log.info(line)
  }
  const addRecord = (level: string, message: string): void => {
    if (level === 'warning') log.warning(message)
    else if (level === 'error' || level === 'fatal') log.error(message)
    else log.debug(message)
  }
  return {
    add: (line, stream) => {
      const [, names] = unconsumed.exec(line) ?? []
      if (names !== undefined) {
        const others = names.split(' ').filter((name) => !ownArgs.has(name))
        if (others.length > 0) log.warning(`the Dockerfile has no ARG for build argument ${others.join(', ')}`)
        return
      }
      const record = stream === 'stderr' ? parseRecord(line) : undefined
      const [, said] = stream === 'stderr' ? (/^Error: (.*)$/.exec(line) ?? []) : []
      if (record) addRecord(record.level, record.message)
      else if (said !== undefined) error = said
      else if (echo.test(line)) log.debug(line)
      else if (line.trim() !== '') {
        watchSteps(line)
        remember(line)
      }
    },
    lastLines: last.lines,
    instructions: watch.times,
    get error() {
      return error
    },
  }
}
