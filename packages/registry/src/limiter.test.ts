// How many requests go at once: more where that is free, fewer where the host asks for it.
import { expect, test } from 'vitest'
import { createLimiter, type Limiter, type Slot } from './limiter.ts'
import { createFakeClock } from './testing/fake-clock.ts'

const runRound = async (limiter: Limiter, latency: number): Promise<number> => {
  const count = Math.floor(limiter.limit)
  const slots = await Promise.all(Array.from({ length: count }, () => limiter.acquire()))
  for (const slot of slots) slot.release(latency)
  return Math.floor(limiter.limit)
}

test('doubles with each round while the host answers as promptly as before, up to the most', async () => {
  const limiter = createLimiter(200, createFakeClock(), new AbortController().signal)
  expect([await runRound(limiter, 20), await runRound(limiter, 25), await runRound(limiter, 30)]).toEqual([
    80, 160, 200,
  ])
})

test('stops growing where answers begin to queue', async () => {
  const limiter = createLimiter(200, createFakeClock(), new AbortController().signal)
  await runRound(limiter, 20)
  expect(await runRound(limiter, 200)).toBe(80)
})

test('never lets more under way than it says', async () => {
  const limiter = createLimiter(3, createFakeClock(), new AbortController().signal)
  const slots = await Promise.all([limiter.acquire(), limiter.acquire(), limiter.acquire()])
  let fourth: Slot | undefined
  const waiting = limiter.acquire().then((slot) => {
    fourth = slot
  })
  await new Promise(setImmediate)
  expect(fourth).toBeUndefined()
  slots[0]?.release()
  slots[0]?.release()
  await waiting
  expect(fourth).toBeDefined()
})

test('halves once for a burst of refusals, waits as long as the host asks, and then grows slowly', async () => {
  const clock = createFakeClock()
  const limiter = createLimiter(200, clock, new AbortController().signal)
  await runRound(limiter, 20)
  for (let i = 0; i < 80; i += 1) limiter.throttle(5000)
  expect(limiter.limit).toBe(40)
  const slot = await limiter.acquire()
  expect(clock.sleeps).toEqual([5000])
  slot.release(20)
  expect(await runRound(limiter, 20)).toBe(41)
})
