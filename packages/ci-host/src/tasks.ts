// Runs tasks side by side: a live list on a terminal, plain lines elsewhere.
import type { Log, Task } from './host.ts'

export interface TaskSettings {
  readonly log: Log
  readonly signal: AbortSignal
  /** Whether a person watches: then the list is redrawn in place. */
  readonly live: boolean
}

const liveOptions = async () => {
  const { ListrLogger, PRESET_TIMER, ProcessOutput } = await import('listr2')
  // The list goes to stderr like every other line of the log: stdout is for --json.
  const processOutput = new ProcessOutput(process.stderr, process.stderr, { leaveEmptyLine: false })
  return {
    renderer: 'default' as const,
    rendererOptions: {
      timer: PRESET_TIMER,
      collapseErrors: false,
      logger: new ListrLogger({ useIcons: true, toStderr: [], processOutput }),
    },
  }
}

/**
 * Runs the tasks, at most `limit` at once. When one fails, those that run are told to stop, none is started any more,
 * and after all have ended the first error is thrown.
 */
export const runTasks = async (tasks: readonly Task[], limit: number, settings: TaskSettings): Promise<void> => {
  const { Listr } = await import('listr2')
  const { log, live } = settings
  const failed = new AbortController()
  const signal = AbortSignal.any([settings.signal, failed.signal])
  const errors: unknown[] = []
  const line = (title: string, text: string) => {
    if (!live) log.info(`${title}: ${text}`)
  }
  const list = new Listr(
    tasks.map((task) => ({
      title: task.title,
      task: async (_context: unknown, view: { title: string; skip(message: string): void }) => {
        if (signal.aborted) {
          view.skip(`${task.title}: not started`)
          line(task.title, 'not started')
          return
        }
        const started = performance.now()
        line(task.title, 'started')
        let shown = ''
        const status = (text: string) => {
          if (live) view.title = `${task.title}  ${text}`
          else if (text !== shown) line(task.title, text)
          shown = text
        }
        try {
          await task.run(status, signal)
          line(task.title, `done in ${((performance.now() - started) / 1000).toFixed(1)} s`)
        } catch (error) {
          errors.push(error)
          line(task.title, signal.aborted ? 'stopped' : 'failed')
          failed.abort(error)
          throw error
        }
      },
    })),
    {
      concurrent: Math.max(1, limit),
      exitOnError: false,
      registerSignalListeners: false,
      ...(live ? await liveOptions() : { renderer: 'silent' as const }),
    },
  )
  await list.run()
  if (errors.length > 0) throw errors[0]
}
