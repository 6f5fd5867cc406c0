// Each skipped test is counted under the part that it lacked.
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lackLogVariable, lacks, statusPath, temporaryDirectory } from '@polyarch/parts'
import { describe, expect, it, vi } from 'vitest'
import { formatCounts, summarise, type TestOutcome } from './summary.ts'

const file = '/house/a.test.ts'
const outcome = (state: TestOutcome['state'], ...lines: number[]): TestOutcome => ({
  file,
  name: lines.join(),
  state,
  lines,
})

describe('the summary of a run', () => {
  it('counts what passed, failed, was skipped, and never finished', () => {
    const outcomes = [outcome('passed', 1), outcome('failed', 2), outcome('skipped', 3), outcome('pending', 4)]
    expect(formatCounts(summarise(outcomes, []))).toBe('1 passed, 2 failed, 1 skipped')
  })

  it('finds the part that the skipped suite lacks, however its call is laid out', () => {
    const outcomes = [
      outcome('skipped', 5, 4),
      outcome('skipped', 6, 4),
      outcome('skipped', 12, 9),
      outcome('skipped', 21),
    ]
    const { lacking, unexplained } = summarise(outcomes, [
      { file, line: 4, parts: ['skopeo'] },
      { file, line: 10, parts: ['root', 'go'] },
      { file, line: 20, parts: ['gitlab-ci-local'] },
    ])
    expect([...lacking]).toEqual([
      ['skopeo', 2],
      ['root', 1],
      ['gitlab-ci-local', 1],
    ])
    expect(unexplained).toEqual([])
  })

  it('names a test that was skipped for no part', () => {
    const { lacking, unexplained } = summarise(
      [outcome('skipped', 5)],
      [{ file: '/other', line: 4, parts: ['gitlab-ci-local'] }],
    )
    expect(lacking.size).toBe(0)
    expect(unexplained).toEqual([`${file}: 5`])
  })
})

describe('a missing part', () => {
  it('is noted with the place that asked for it', async () => {
    await using cache = await temporaryDirectory()
    const log = join(cache.path, 'log')
    vi.stubEnv('POLYARCH_CACHE', cache.path)
    vi.stubEnv(lackLogVariable, log)
    await mkdir(cache.path, { recursive: true })
    await writeFile(
      statusPath(),
      JSON.stringify({ skopeo: { path: '/usr/bin/skopeo' }, 'gitlab-ci-local': { missing: 'no Go' } }),
    )
    await appendFile(log, '')
    expect(lacks('skopeo')).toBe(false)
    expect(lacks('skopeo', 'gitlab-ci-local')).toBe(true)
    const [lack, ...others] = (await readFile(log, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(others).toEqual([])
    expect(lack).toMatchObject({ file: import.meta.filename, parts: ['gitlab-ci-local'] })
    expect((await readFile(import.meta.filename, 'utf8')).split('\n')[lack.line - 1]).toContain(
      "lacks('skopeo', 'gitlab-ci-local')",
    )
    vi.unstubAllEnvs()
  })
})
