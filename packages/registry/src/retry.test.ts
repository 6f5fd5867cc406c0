// What is tried again, when, and when no more.
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { defaultLimits } from './options.ts'
import { createRetryBudget, isTransientStatus, parseRetryAfter, planRetry } from './retry.ts'

test('statuses that pass: timeouts, limits and failures of the server, never refusals', () => {
  const transient = [408, 429, 499, 500, 502, 503, 504, 520]
  expect(transient.filter(isTransientStatus)).toEqual(transient)
  expect([400, 401, 403, 404, 405, 409, 412, 413, 416, 501].filter(isTransientStatus)).toEqual([])
})

describe('Retry-After', () => {
  const now = Date.parse('2026-01-02T03:04:05Z')
  test.each([
    ['0', 0],
    ['7', 7000],
    ['1.5', 1500],
    ['99999999999', 99_999_999_999_000],
    ['99999999999999999999', Number.MAX_SAFE_INTEGER],
    ['Fri, 02 Jan 2026 03:04:35 GMT', 30_000],
    ['Friday, 02-Jan-26 03:04:35 GMT', 30_000],
    ['Fri, 02 Jan 2026 03:04:35 +0000', 30_000],
    ['Fri, 02 Jan 2026 05:04:35 +02:00', 30_000],
    ['Fri Jan  2 03:04:35 2026', 30_000],
    ['Fri, 02 Jan 2026 03:00:00 GMT', 0],
  ])('"%s" is %d ms', (header, expected) => {
    expect(parseRetryAfter(header, now)).toBe(expected)
  })
  test.each([undefined, '', '-1', 'soon', '2026-01-02', 'Xxx, garbage'])('"%s" says nothing', (header) => {
    expect(parseRetryAfter(header, now)).toBeUndefined()
  })

  test.each(['America/New_York', 'UTC', 'Asia/Tokyo'])('without a zone is in GMT, also in %s', (zone) => {
    vi.stubEnv('TZ', zone)
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(new Date(now).getTimezoneOffset()).toBe({ UTC: 0, 'Asia/Tokyo': -540 }[zone] ?? 300)
    for (const date of ['Fri Jan  2 03:04:35 2026', 'Fri, 02 Jan 2026 03:04:35', 'Friday, 02-Jan-26 03:04:35'])
      expect(parseRetryAfter(date, now)).toBe(30_000)
  })
})

describe('a plan', () => {
  const plan = (attempt: number, options: { retryAfter?: number; answeredBefore?: boolean; random?: number } = {}) =>
    planRetry({ answeredBefore: true, attempt, ...options }, defaultLimits, options.random ?? 1)

  test('doubles its pause up to the longest, and ends after the last attempt', () => {
    const pauses = Array.from({ length: 8 }, (_, index) => plan(index + 1))
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, undefined])
  })
  test('spreads over the second half of its pause', () => {
    expect([plan(1, { random: 0 }), plan(1, { random: 0.5 }), plan(1, { random: 1 })]).toEqual([250, 375, 500])
  })
  test('waits at least as long as the server asks, and gives up where that is too long', () => {
    expect(plan(1, { retryAfter: 20_000, random: 0 })).toBe(20_000)
    expect(plan(1, { retryAfter: 20_000, random: 1 })).toBe(20_500)
    expect(plan(1, { retryAfter: 3_600_000 })).toBeUndefined()
  })
  test('backs off all the same where the server asks for no pause or a short one', () => {
    const pauses = Array.from({ length: 7 }, (_, index) => plan(index + 1, { retryAfter: 0 }))
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000])
    expect(plan(3, { retryAfter: 0, random: 0 })).toBe(1000)
    expect(plan(3, { retryAfter: 100, random: 0 })).toBe(1000)
  })
  test('ends sooner with a host that never answered', () => {
    expect(plan(4, { answeredBefore: false })).toBeUndefined()
    expect(plan(4)).toBeDefined()
  })
})

test('a budget lets retries go on as long as there are successes', () => {
  const budget = createRetryBudget(2)
  expect([budget.spend(), budget.spend(), budget.spend()]).toEqual([true, true, false])
  budget.earn()
  expect([budget.spend(), budget.spend()]).toEqual([true, false])
  for (let i = 0; i < 10; i += 1) budget.earn()
  expect([budget.spend(), budget.spend(), budget.spend()]).toEqual([true, true, false])
})
