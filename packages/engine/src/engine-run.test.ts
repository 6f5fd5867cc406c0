// Why engines end, from their codes, their words and the kernel’s counters.
import { type Host, openHost } from '@polyarch/ci-host'
import { temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { explainFailure } from './engine-failure.ts'
import { describeCacheUse, findReason, formatMemory, formatSeconds, runEngine } from './engine-run.ts'
import { createInstructionRecord } from './instruction-times.ts'

const words = (error: string | undefined, ...lastLines: string[]) => ({
  error,
  lastLines,
  instructions: createInstructionRecord(),
})
/** What none of these builds has a cache repository for. */
const stores = {
  open: () => {
    throw new Error('no store is needed')
  },
}
const full = 'write /x: no space left on device'

describe('why an engine ended', () => {
  test.each([
    [0, words(undefined, full), true, 'finished'],
    [1, words('exit status 1'), true, 'failed'],
    [1, words(full), false, 'out of disk'],
    [1, words('exit status 1', `dd: error writing: No space left on device`, '3+0 records out'), false, 'out of disk'],
    [137, words(undefined), false, 'killed'],
    [143, words(undefined), true, 'killed'],
    [137, words(undefined), true, 'out of memory'],
    [1, words('waiting for process to exit: signal: killed'), true, 'out of memory'],
    [1, words('while running runtime: exit status 137'), true, 'out of memory'],
    [1, words('did not complete successfully: exit code: 137: cannot allocate memory'), true, 'out of memory'],
    [1, words('waiting for process to exit: signal: killed'), false, 'failed'],
  ] as const)('%s, %j, kernel killed something: %s', (code, said, outOfMemory, reason) => {
    expect(findReason(code, said, outOfMemory)).toBe(reason)
  })

  test.each([
    [
      'out of memory',
      'web: kaniko ran out of memory (seen: 2 MiB): the kernel killed a process of it; use a runner with more memory (last)',
    ],
    [
      'killed',
      'web: kaniko was killed (exit 137): ended from outside, or out of memory where the kernel does not tell (its last line: last)',
    ],
    ['failed', 'web: kaniko ended with 137 (its last line: last)'],
  ] as const)('%s is told in a sentence', (reason, sentence) => {
    const manner = { engine: 'kaniko', commandFailed: /never/ }
    const run = { code: 137, reason, peakMemory: 2 ** 20 + 1 }
    expect(explainFailure('web', manner, run, words(undefined, 'last'))).toMatchObject({
      kind: 'build',
      message: sentence,
    })
  })
})

test('sizes and times are for people', () => {
  expect([0.04, 99.9, 119.7, 5400].map(formatSeconds)).toEqual(['0.0 s', '99.9 s', '2 min 0 s', '90 min 0 s'])
  expect([undefined, 1, 300 * 2 ** 20].map(formatMemory)).toEqual(['unknown', '1 MiB', '300 MiB'])
})

test.each([
  [{ hits: 0, timedHits: 0, secondsSaved: undefined }, '0 cache hits'],
  [{ hits: 4, timedHits: 0, secondsSaved: undefined }, '4 cache hits'],
  [{ hits: 1, timedHits: 1, secondsSaved: 12 }, '1 cache hit, 12.0 s saved'],
  [{ hits: 4, timedHits: 3, secondsSaved: 132 }, '4 cache hits, at least 2 min 12 s saved'],
])('what caches did, %j, is for people', (use, text) => {
  expect(describeCacheUse(use)).toBe(text)
})

test('a program’s memory and time are seen from outside', async () => {
  await using directory = await temporaryDirectory()
  const host = openHost({ PATH: process.env['PATH'] }, directory.path)
  const script = 'const kept = Buffer.alloc(100e6, 1); setTimeout(() => process.exit(kept[0] - 1), 1500)'
  const request = { name: 'web', timeoutSeconds: undefined, cacheRepository: undefined }
  const run = await runEngine({ request, engine: 'node', words: words(undefined), stores }, host, (control) =>
    host.exec({ file: 'sh', args: ['-c', '"$@"; exit $?', 'sh', process.execPath, '-e', script], ...control }),
  )
  expect(run).toMatchObject({ code: 0, reason: 'finished' })
  expect(run.seconds).toBeGreaterThan(1.4)
  expect(run.peakMemory).toBeGreaterThan(100e6)
})

describe('an end that is not the engine’s own', () => {
  const runSleep = async (timeoutSeconds: number | undefined, signal?: AbortSignal) => {
    await using directory = await temporaryDirectory()
    const summaries: string[] = []
    const summarise = async (markdown: string) => void summaries.push(markdown)
    const host = Object.assign(Object.create(openHost({ PATH: process.env['PATH'] }, directory.path)) as Host, {
      summarise,
    })
    const request = { name: 'web', timeoutSeconds, cacheRepository: undefined }
    const settings = { request, engine: 'sleep', words: words(undefined), stores }
    const run = runEngine({ ...settings, ...(signal ? { signal } : {}) }, host, (control) =>
      host.exec({ file: 'sleep', args: ['3600'], graceSeconds: 1, ...control }),
    )
    return { run: await run.catch((error: unknown) => error), summaries }
  }

  test('is told in the summary: the time limit', async () => {
    const { run, summaries } = await runSleep(1)
    expect(run).toMatchObject({
      kind: 'build',
      message: 'web: sleep was stopped after 1.0 s, which is all that input timeout allows',
    })
    expect(summaries).toEqual([expect.stringMatching(/^\*\*web\*\* was not built: sleep stopped after \d/)])
  })

  test('is left to the caller who stopped it', async () => {
    const { run } = await runSleep(undefined, AbortSignal.timeout(200))
    expect(run).toMatchObject({ code: 143, reason: 'stopped' })
  })
})
