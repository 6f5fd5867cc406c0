// The executor’s log as lines, failures and wrong images.
import type { Log } from '@polyarch/ci-host'
import { findReason } from '@polyarch/engine'
import { type Failure, parsePlatform } from '@polyarch/oci'
import { describe, expect, test } from 'vitest'
import { explainExecutor } from './executor-failure.ts'
import { createExecutorLog } from './executor-log.ts'

const read = (...lines: readonly string[]) => readAllowing([], ...lines)

const readAllowing = (allowed: readonly string[], ...lines: readonly string[]) => {
  const said: string[] = []
  const at = (level: string) => (message: string) => void said.push(`${level}: ${message}`)
  const log: Log = {
    debug: at('debug'),
    info: at('info'),
    warning: at('warning'),
    error: at('error'),
    group: (_, work) => work(),
  }
  const executorLog = createExecutorLog(log, allowed)
  for (const line of lines) executorLog.add(line)
  return { said, log: executorLog }
}

const record = (level: string, msg: string): string => JSON.stringify({ level, msg, time: '2026-01-02T03:04:05Z' })

test('records become lines of the log; what RUN prints stays as it is', () => {
  const { said } = read(
    record('info', 'RUN echo hi'),
    'hi',
    '{"not":"a record"}',
    '{broken',
    record('debug', 'detail'),
    record('warning', 'unusual'),
    '',
  )
  expect(said).toEqual([
    'info: RUN echo hi',
    'info: hi',
    'info: {"not":"a record"}',
    'info: {broken',
    'debug: detail',
    'warning: unusual',
  ])
})

test('the warning of every --force is not worth a line', () => {
  const outside = 'Kaniko is being run outside of a container. This can have dangerous effects on your system'
  expect(read(record('warning', outside)).said).toEqual([])
})

test.each([
  [
    "Kaniko does not support '--mount=type=tmpfs' flags in RUN statements - relying on unsupported flags can lead to invalid builds",
    'mount-tmpfs',
  ],
  [
    "Kaniko does not support '--mount=type=bind' flags in RUN statements - relying on unsupported flags can lead to invalid builds",
    'mount-from',
  ],
  ['Kaniko does not support cross-stage bind mounts (from=tool) - skipping', 'mount-from'],
  ["#969 kaniko does not support '--network' flags in RUN statements", 'run-network'],
  ['Skipping copy targeting kaniko directory: /kaniko', 'copy-to-kaniko'],
])('"%s" means a wrong image, unless %s is allowed', (message, finding) => {
  expect(read(record('warning', message)).log.wrongImages).toEqual([message])
  expect(read(record('info', message), message).log.wrongImages).toEqual([])
  expect(readAllowing([finding], record('warning', message)).log.wrongImages).toEqual([])
  expect(readAllowing(['copy-exclude'], record('warning', message)).log.wrongImages).toEqual([message])
})

describe('a failure', () => {
  const amd64 = parsePlatform('linux/amd64')
  const explain = (code: number, lines: readonly string[], target = amd64): Failure => {
    const { log } = read(...lines)
    const run = { code, reason: findReason(code, log, false), peakMemory: undefined }
    return explainExecutor('web', run, log, { build: amd64, target })
  }

  test.each([
    [
      'a command',
      'error building image: error building stage: failed to execute command: waiting for process to exit: exit status 42',
      'build',
    ],
    [
      'a command that talks about networks',
      'error building image: failed to execute command: dial tcp: exit status 1',
      'build',
    ],
    [
      'a missing file',
      'error building image: error building stage: failed to get fileinfo for /x: no such file or directory',
      'build',
    ],
    ['a login', 'error building image: GET http://r/v2/x/manifests/1: UNAUTHORIZED: authentication required', 'denied'],
    [
      'a permission',
      'error building image: GET https://r/v2/x: DENIED: requested access to the resource is denied',
      'denied',
    ],
    [
      'a missing image',
      'error building image: GET http://r/v2/x/manifests/1: MANIFEST_UNKNOWN: manifest unknown',
      'registry',
    ],
    ['a name', 'error building image: Get "https://r/v2/": dial tcp: lookup r: no such host', 'registry'],
    [
      'a certificate',
      'error building image: Get "https://r/v2/": tls: x509: certificate signed by unknown authority',
      'registry',
    ],
    ['a platform', 'error building image: no child with platform linux/s390x in index r/x:1', 'build'],
  ])('of %s', (_, line, kind) => {
    expect(explain(1, ['output', line])).toMatchObject({ kind, message: expect.stringContaining(line) })
  })

  test('of a command ends with what it said last', () => {
    const line = 'error building image: failed to execute command: waiting for process to exit: exit status 1'
    expect(explain(1, ['first', 'make: *** no rule', line]).message).toMatch(/\(its last line: make: \*\*\* no rule\)$/)
  })

  test('by a signal', () => {
    expect(explain(137, ['half']).message).toMatch(/^web: kaniko was killed \(exit 137\): ended from outside/)
  })

  test('without a word', () => {
    expect(explain(3, []).message).toBe('web: kaniko ended with 3')
  })

  test('to run foreign programs says what is needed', () => {
    const lines = [
      '/bin/sh: exec format error',
      'error building image: failed to execute command: starting command: fork/exec /bin/sh: exec format error',
    ]
    expect(explain(1, lines, parsePlatform('linux/arm64'))).toMatchObject({
      kind: 'input',
      message: expect.stringMatching(/linux\/amd64 machine cannot run programs for linux\/arm64.*emulator/),
    })
    expect(explain(1, lines)).toMatchObject({ kind: 'build' })
  })
})
