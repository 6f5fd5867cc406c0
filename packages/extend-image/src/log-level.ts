// A log that tells as much as the lifecycle's log-level asks for.
import type { Log } from '@polyarch/ci-host'
import type { LogLevel } from './plan.ts'

const silent = (): void => undefined

/** The log without what is below the level; with debug, debug lines are told like any other. */
export const limitLog = (log: Log, level: LogLevel): Log => {
  switch (level) {
    case 'debug':
      return { ...log, debug: (message) => log.info(message) }
    case 'info':
      return log
    case 'warn':
      return { ...log, info: silent, debug: silent, group: (_title, work) => work() }
    case 'error':
      return { ...log, info: silent, debug: silent, warning: silent, group: (_title, work) => work() }
  }
}
