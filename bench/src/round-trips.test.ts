// The depth of requests: those side by side count once, those in a row each.
import { expect, test } from 'vitest'
import { countSerialExchanges } from './round-trips.ts'

const exchange = (startedAt: number, endedAt: number) => ({ startedAt, endedAt })

test('requests that overlap are one deep', () => {
  expect(countSerialExchanges([exchange(0, 10), exchange(1, 11), exchange(5, 15)])).toBe(1)
})

test('each request that waited for another adds to the depth', () => {
  expect(countSerialExchanges([exchange(20, 30), exchange(0, 10), exchange(10, 20), exchange(0, 30)])).toBe(3)
})

test('no request is no depth', () => {
  expect(countSerialExchanges([])).toBe(0)
})
