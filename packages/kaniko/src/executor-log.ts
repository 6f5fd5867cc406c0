// The executor's output as log lines: what it means, what went wrong, and which warnings mean a wrong image.
import type { Log } from '@polyarch/ci-host'
import { createLastLines, type EngineWords } from '@polyarch/engine'
import { createInstructionReader } from './instruction-reader.ts'

/** Warnings after which the executor goes on and builds another image than the Dockerfile says (docs/engines.md). */
const wrongImage =
  /does not support|relying on unsupported flags|cross-stage bind mounts|Skipping copy targeting kaniko directory/i

/** The findings that such a warning can be about. */
const findingsOf = (warning: string): readonly string[] => {
  if (/cross-stage bind mounts/i.test(warning)) return ['mount-from']
  const mount = /--mount=type=(\w+)/.exec(warning)?.[1]
  if (mount !== undefined) return mount === 'bind' ? ['mount-bind', 'mount-from'] : [`mount-${mount}`]
  const flag = /--(network|device|security)\b/.exec(warning)?.[1]
  if (flag !== undefined) return [`run-${flag}`]
  return /kaniko directory/i.test(warning) ? ['copy-to-kaniko'] : []
}

/** Said of every executor that was started with --force; the launchers see to it. */
const outsideContainer = /^Kaniko is being run outside of a container/i

export interface ExecutorLog extends EngineWords {
  /** Takes a line of stdout or stderr. */
  add(line: string): void
  /** The warnings that mean a wrong image, without those about findings that are allowed. */
  readonly wrongImages: readonly string[]
}

interface Record {
  readonly level: string
  readonly message: string
}

const parseRecord = (line: string): Record | undefined => {
  if (!line.startsWith('{')) return undefined
  try {
    const value: unknown = JSON.parse(line)
    const { level, msg } = value as { level?: unknown; msg?: unknown }
    return typeof level === 'string' && typeof msg === 'string' ? { level, message: msg } : undefined
  } catch {
    // A RUN instruction may write lines that look like JSON: they are output like any other.
    return undefined
  }
}

/** Translates the output into the log, line by line; `allowed` are names of findings. */
export const createExecutorLog = (log: Log, allowed: readonly string[] = []): ExecutorLog => {
  const wrongImages: string[] = []
  const last = createLastLines()
  let error: string | undefined
  const instructions = createInstructionReader()
  const addRecord = ({ level, message }: Record): void => {
    if (level === 'warning') {
      if (outsideContainer.test(message)) return
      const isAllowed = findingsOf(message).some((finding) => allowed.includes(finding))
      if (wrongImage.test(message) && !isAllowed) wrongImages.push(message)
      log.warning(message)
    } else if (level === 'error' || level === 'fatal' || level === 'panic') {
      error = message
      log.error(message)
    } else if (level === 'info') {
      instructions.add(message)
      log.info(message)
    } else log.debug(message)
  }
  return {
    add: (line) => {
      const record = parseRecord(line)
      if (record) {
        addRecord(record)
        return
      }
      if (line.trim() === '') return
      last.add(line)
      const said =
        /^(?:Error: )?(error (?:building image|resolving source context|checking push permissions): .*)$/.exec(line)
      if (said) error = said[1]
      log.info(line)
    },
    wrongImages,
    lastLines: last.lines,
    instructions: instructions.times,
    get error() {
      return error
    },
  }
}
