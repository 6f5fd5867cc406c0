// Tasks side by side, as plain lines and on a terminal.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { Log, Task } from './host.ts'
import { runTasks } from './tasks.ts'

const collectLog = () => {
  const lines: string[] = []
  const write = (message: string) => void lines.push(message.replace(/\d+\.\d s/, 'N s'))
  const log: Log = { debug: write, info: write, warning: write, error: write, group: (_title, work) => work() }
  return { lines, log }
}

/** Runs the tasks of a fixture with a terminal of 100 columns around it, and gives what a person would see. */
const runOnTerminal = (): Promise<string> => {
  const fixture = join(import.meta.dirname, 'fixtures/live-tasks.ts')
  const command = `stty cols 100 && exec '${process.execPath}' --conditions=@polyarch/source '${fixture}'`
  const env = { PATH: process.env['PATH'], TERM: 'xterm' }
  return new Promise((resolve) => {
    execFile('script', ['--quiet', '--return', '--command', command, '/dev/null'], { env }, (_error, stdout) =>
      resolve(stdout),
    )
  })
}

const never = new AbortController().signal

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))))

describe('tasks, as plain lines', () => {
  test('run at most as many at once as they may', async () => {
    let running = 0
    let most = 0
    const tasks = Array.from(
      { length: 6 },
      (_, index): Task => ({
        title: `t${index}`,
        run: async () => {
          running += 1
          most = Math.max(most, running)
          await sleep(5)
          running -= 1
        },
      }),
    )
    await runTasks(tasks, 2, { log: collectLog().log, signal: never, live: false })
    expect(most).toBe(2)
  })

  test('say when they start, how they go and how long they took', async () => {
    const { lines, log } = collectLog()
    const task: Task = {
      title: 'web linux/amd64',
      run: async (status) => {
        status('building')
        status('building')
        status('pushing')
      },
    }
    await runTasks([task], 1, { log, signal: never, live: false })
    expect(lines).toEqual([
      'web linux/amd64: started',
      'web linux/amd64: building',
      'web linux/amd64: pushing',
      'web linux/amd64: done in N s',
    ])
  })

  test('stop together at the first failure, which is the one that is thrown', async () => {
    const { lines, log } = collectLog()
    const tasks: Task[] = [
      { title: 'slow', run: (_status, signal) => untilAborted(signal) },
      { title: 'broken', run: () => Promise.reject(new Error('no space left')) },
      { title: 'later', run: () => Promise.reject(new Error('must not start')) },
    ]
    await expect(runTasks(tasks, 2, { log, signal: never, live: false })).rejects.toThrow('no space left')
    expect(lines).toEqual(['slow: started', 'broken: started', 'broken: failed', 'slow: stopped', 'later: not started'])
  })

  test('are told when the job is cancelled', async () => {
    const controller = new AbortController()
    const task: Task = {
      title: 'slow',
      run: (_status, signal) => {
        controller.abort(new Error('cancelled'))
        return signal.aborted ? Promise.reject(new Error('told')) : untilAborted(signal)
      },
    }
    await expect(
      runTasks([task], 1, { log: collectLog().log, signal: controller.signal, live: false }),
    ).rejects.toThrow('told')
  })
})

describe('tasks on a terminal', () => {
  test('are a list, with what was logged meanwhile below it', async () => {
    const lines = stripVTControlCharacters(await runOnTerminal()).split(/\r?\n/)
    expect(lines).toEqual(expect.arrayContaining([expect.stringMatching(/✔ web linux\/amd64 {2}pushing 10 MB \[.*\]/)]))
    expect(lines).toEqual(expect.arrayContaining([expect.stringMatching(/[✖✕] web linux\/arm64/)]))
    expect(lines).toContain('  › no space left')
    expect(lines).toEqual(expect.arrayContaining([expect.stringMatching(/api linux\/amd64: not started/)]))
    expect(lines.indexOf('warning: half full')).toBeGreaterThan(lines.indexOf('  › no space left'))
  })
})
