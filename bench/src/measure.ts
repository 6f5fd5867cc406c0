// Runs a script and says what it cost: time on the clock, time on the processors, memory.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { partPath } from '@polyarch/parts'

export interface Cost {
  /** From the start of the script to its end. */
  readonly seconds: number
  /** User and system time of all its processes. */
  readonly processorSeconds: number
  /** The largest resident set of any of its processes, in bytes. */
  readonly peakBytes: number
}

/** A script that did not do its work: with the last lines that it wrote. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError'
}

/** How long a script may take; a tool that hangs ends the row, not the benchmark. */
const patienceMs = 10 * 60_000

/**
 * Runs the script in a home of its own, which holds nothing but the files.
 * @throws {ScriptError} when it fails.
 */
export const measureScript = async (
  script: string,
  signal: AbortSignal,
  files: Readonly<Record<string, string>> = {},
): Promise<Cost> => {
  const home = await mkdtemp(join(tmpdir(), 'home-'))
  try {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(home, path)), { recursive: true })
      await writeFile(join(home, path), content)
    }
    const report = join(home, 'cost')
    const args = ['-o', report, '-f', '%U %S %M', 'sh', '-ec', script]
    const { PATH } = process.env
    signal.throwIfAborted()
    const startedAt = performance.now()
    const child = spawn(partPath('time'), args, {
      cwd: home,
      env: { PATH, HOME: home, TMPDIR: tmpdir() },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own: whatever the script has started ends with it.
      detached: true,
    })
    const end = (): unknown => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL')
    const limit = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)])
    limit.addEventListener('abort', end)
    const output = Promise.all([text(child.stdout), text(child.stderr)])
    const [code] = (await once(child, 'exit')) as [number | null]
    const seconds = (performance.now() - startedAt) / 1000
    limit.removeEventListener('abort', end)
    signal.throwIfAborted()
    const lines = (await output).join('\n').trim().split('\n')
    if (code !== 0) throw new ScriptError(`ended with ${code ?? 'a signal'}: ${lines.slice(-3).join(' | ')}`)
    const [user = 0, system = 0, kibibytes = 0] = (await readFile(report, 'utf8')).trim().split(' ').map(Number)
    return { seconds, processorSeconds: user + system, peakBytes: kibibytes * 1024 }
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

/** The value in the middle; of two, the mean. */
export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((left, right) => left - right)
  const middle = sorted.length / 2
  const [low = Number.NaN, high = low] = sorted.slice(Math.ceil(middle) - 1, Math.floor(middle) + 1)
  return (low + high) / 2
}
