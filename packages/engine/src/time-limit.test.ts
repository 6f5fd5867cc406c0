// Durations as people write them.
import { expect, test } from 'vitest'
import { parseTimeLimit } from './time-limit.ts'

test.each([
  ['90', 5400],
  ['45s', 45],
  ['90m', 5400],
  ['2h', 7200],
  ['1h30m', 5400],
  ['1h1m1s', 3661],
  ['168h', 604_800],
])('%s', (text, seconds) => {
  expect(parseTimeLimit(text)).toBe(seconds)
})

test.each(['', '0', '0s', '-1', '1.5', '90 m', 'm', '1m1h', '169h', '1d', '99999999'])('not "%s"', (text) => {
  expect(() => parseTimeLimit(text)).toThrow(/^input timeout: expected minutes, or for example 45s, 90m or 1h30m/)
})
