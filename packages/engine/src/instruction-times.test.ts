// What is known of instructions: measured, kept within bounds, summed for those that a cache had.
import { describe, expect, test } from 'vitest'
import {
  createInstructionRecord,
  createInstructionWatch,
  encodeKnownTimes,
  type KnownTimes,
  knownTimesLimit,
  parseKnownTimes,
  sumCacheUse,
  updateKnownTimes,
} from './instruction-times.ts'

const nothing: KnownTimes = new Map()

const timesOf = (ran: Readonly<Record<string, number>>, cached: readonly (string | undefined)[] = []) => {
  const times = createInstructionRecord()
  for (const [text, seconds] of Object.entries(ran)) times.addRun(text, seconds)
  for (const text of cached) times.addCached(text)
  return times
}

test('an instruction ends with the next one, and one from a cache took no time', () => {
  let time = 0
  const watch = createInstructionWatch(() => time)
  watch.begin('RUN a')
  time = 5
  watch.begin('RUN b')
  time = 6
  watch.cached()
  watch.begin(undefined)
  time = 9
  expect([watch.end(), watch.end()]).toEqual([true, false])
  watch.begin('RUN c')
  watch.forget()
  expect([...watch.times.ran]).toEqual([['RUN a', 5]])
  expect(watch.times.cached).toEqual(['RUN b'])
})

test('of instructions with the same text the fewest seconds count', () => {
  const times = createInstructionRecord()
  for (const seconds of [3, 1, 2]) times.addRun('RUN make', seconds)
  expect([...times.ran]).toEqual([['RUN make', 1]])
})

describe('what caches saved', () => {
  const known = updateKnownTimes(nothing, 'kaniko', timesOf({ 'RUN a': 60.04, 'RUN b': 12 }))

  test.each([
    [[], { hits: 0, timedHits: 0, secondsSaved: undefined }],
    [['RUN a', 'RUN b'], { hits: 2, timedHits: 2, secondsSaved: 72 }],
    [['RUN b', 'RUN c', undefined], { hits: 3, timedHits: 1, secondsSaved: 12 }],
    [['RUN c'], { hits: 1, timedHits: 0, secondsSaved: undefined }],
  ])('of %j', (cached, use) => {
    expect(sumCacheUse(known, 'kaniko', timesOf({}, cached))).toEqual(use)
  })

  test('is none of another engine', () => {
    expect(sumCacheUse(known, 'buildah', timesOf({}, ['RUN a']))).toMatchObject({ secondsSaved: undefined })
  })
})

describe('what is kept', () => {
  test('is read as it was written, and shows no instruction', () => {
    const known = updateKnownTimes(nothing, 'kaniko', timesOf({ 'RUN login hunter2': 1.26 }))
    const bytes = encodeKnownTimes(known)
    expect(Buffer.from(bytes).toString()).toMatch(/^\{"[0-9a-f]{64}":1\.3\}$/)
    expect(parseKnownTimes(bytes)).toEqual(known)
  })

  test('is of the newest instructions, however many there were', () => {
    const many = Object.fromEntries(Array.from({ length: 1001 }, (_, number) => [`RUN ${number}`, 600_000.1]))
    const first = updateKnownTimes(nothing, 'kaniko', timesOf(many))
    const again = updateKnownTimes(first, 'kaniko', timesOf({ 'RUN 1': 7, 'RUN new': 7 }))
    const hits = (text: string) => sumCacheUse(again, 'kaniko', timesOf({}, [text])).timedHits
    expect(['RUN 0', 'RUN 1', 'RUN 2', 'RUN 3', 'RUN new'].map(hits)).toEqual([0, 1, 0, 1, 1])
    expect(encodeKnownTimes(again).length).toBeLessThan(knownTimesLimit)
    expect(parseKnownTimes(encodeKnownTimes(again))).toEqual(again)
  })

  const key = '0'.repeat(64)
  test.each([
    ['', 'not JSON'],
    ['[]', 'not seconds by key'],
    ['{"RUN a":1}', 'not seconds by key'],
    [`{"${key}":"1"}`, 'not seconds by key'],
    [`{"${key}":-1}`, 'not seconds by key'],
    [`{"${key}":1e300}`, 'not seconds by key'],
    [
      JSON.stringify(
        Object.fromEntries(Array.from({ length: 1001 }, (_, number) => [String(number).padStart(64, '0'), 1])),
      ),
      'not seconds by key',
    ],
  ])('is refused where it is %.80s', (text, reason) => {
    expect(() => parseKnownTimes(Buffer.from(text))).toThrow(
      expect.objectContaining({ kind: 'verification', message: expect.stringContaining(reason) }),
    )
  })
})
