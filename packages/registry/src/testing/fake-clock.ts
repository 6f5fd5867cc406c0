// A fake clock: time passes only by sleeping, and then at once.
import type { Clock } from '../options.ts'

export interface FakeClock extends Clock {
  /** How long each sleep was, in milliseconds. */
  readonly sleeps: readonly number[]
  advance(milliseconds: number): void
}

export const createFakeClock = (): FakeClock => {
  let now = Date.parse('2026-01-02T03:04:05Z')
  const sleeps: number[] = []
  return {
    now: () => now,
    sleep: async (milliseconds) => {
      sleeps.push(milliseconds)
      now += milliseconds
    },
    sleeps,
    advance: (milliseconds) => {
      now += milliseconds
    },
  }
}
