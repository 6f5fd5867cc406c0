// How many requests may be under way to one host: more while that costs no latency, fewer once the host asks for it.
import type { Clock } from './options.ts'

/** A place among the requests under way; given back exactly once. */
export interface Slot {
  /** `latency`: milliseconds until a small request was answered; absent where it says nothing about the host. */
  release(latency?: number): void
}

export interface Limiter {
  /** @throws the reason of the signal that ends all waiting. */
  acquire(): Promise<Slot>
  /** The host asked for fewer requests, and for none within the next milliseconds. */
  throttle(milliseconds: number): void
  readonly limit: number
}

const firstLimit = 40

/** Above this many times the lowest latency a host is busy: more connections would only queue there. */
const busyFactor = 3
/** Milliseconds of latency that are noise on a near host. */
const noise = 10

/**
 * A limiter that starts with a few dozen requests and grows by one with each prompt answer, so it doubles with each round
 * trip while the host keeps up. Throttled it halves, at most once per pause, and grows by one per full round from then on.
 */
export const createLimiter = (most: number, clock: Clock, signal: AbortSignal): Limiter => {
  let limit = Math.min(firstLimit, most)
  let lowest = Number.POSITIVE_INFINITY
  let throttled = false
  let pausedUntil = 0
  let underWay = 0
  const waiting: (() => void)[] = []

  const startNext = (): void => {
    while (waiting.length > 0 && underWay < Math.floor(limit)) {
      underWay += 1
      waiting.shift()?.()
    }
  }
  const learn = (latency: number): void => {
    lowest = Math.min(lowest, latency)
    if (latency <= lowest * busyFactor + noise) limit = Math.min(most, limit + (throttled ? 1 / limit : 1))
  }
  const createSlot = (): Slot => {
    let held = true
    return {
      release: (latency) => {
        if (!held) return
        held = false
        underWay -= 1
        if (latency !== undefined) learn(latency)
        startNext()
      },
    }
  }
  return {
    acquire: async () => {
      if (underWay < Math.floor(limit) && waiting.length === 0) underWay += 1
      else await new Promise<void>((resolve) => waiting.push(resolve))
      const slot = createSlot()
      try {
        for (let pause = pausedUntil - clock.now(); pause > 0; pause = pausedUntil - clock.now())
          await clock.sleep(pause, signal)
        signal.throwIfAborted()
        return slot
      } catch (error) {
        slot.release()
        throw error
      }
    },
    throttle: (milliseconds) => {
      const now = clock.now()
      if (now >= pausedUntil) limit = Math.max(1, Math.floor(limit / 2))
      throttled = true
      pausedUntil = Math.max(pausedUntil, now + milliseconds)
    },
    get limit() {
      return limit
    },
  }
}
