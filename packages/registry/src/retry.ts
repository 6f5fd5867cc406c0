// When a request is sent again, and after how long: decisions only, no waiting.
import type { Limits } from './options.ts'

const transientStatuses: ReadonlySet<number> = new Set([408, 425, 429, 499])

/** Whether a later attempt may find the server in a better state. */
export const isTransientStatus = (status: number): boolean =>
  transientStatuses.has(status) || (status >= 500 && status !== 501 && status !== 505 && status !== 511)

/**
 * The milliseconds that Retry-After asks for, given as seconds or as a date; undefined where it says neither.
 * Dates are in GMT, also those that do not say so (RFC 9110 section 5.6.7).
 */
export const parseRetryAfter = (header: string | undefined, now: number): number | undefined => {
  const text = header?.trim() ?? ''
  if (/^\d+(?:\.\d+)?$/.test(text)) return Math.min(Number(text) * 1000, Number.MAX_SAFE_INTEGER)
  if (!/^[A-Z][a-z]{2,8},? /.test(text)) return undefined
  const endsWithTime = /:\d{2}:\d{2}(?: \d{4})?$/.test(text)
  const date = Date.parse(endsWithTime ? `${text} GMT` : text)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

/** What happened to a request that may be sent again. */
export interface Trouble {
  /** 1 for the first attempt. */
  readonly attempt: number
  readonly retryAfter?: number | undefined
  /** Whether the host answered anything before: one that never did is most likely named wrongly. */
  readonly answeredBefore: boolean
}

const attemptsAtSilentHost = 4

/**
 * The milliseconds to wait before another attempt, or undefined to give up.
 * Half of a pause is fixed and half random, so that legs that failed together do not come back together.
 */
export const planRetry = (trouble: Trouble, limits: Limits, random: number): number | undefined => {
  const attempts = trouble.answeredBefore ? limits.attempts : Math.min(limits.attempts, attemptsAtSilentHost)
  if (trouble.attempt >= attempts) return undefined
  const longest = Math.min(limits.longestDelay, limits.firstDelay * 2 ** (trouble.attempt - 1))
  const backoff = longest * (0.5 + random / 2)
  if (trouble.retryAfter === undefined) return Math.round(backoff)
  if (trouble.retryAfter > limits.longestRetryAfter) return undefined
  // A server that asks for no pause would otherwise get all attempts at once.
  return Math.round(Math.max(trouble.retryAfter + limits.firstDelay * random, backoff))
}

/** Counts retries over a whole client: each success pays for one, up to the capacity. */
export interface RetryBudget {
  /** Takes one retry; false when none is left. */
  spend(): boolean
  earn(): void
}

export const createRetryBudget = (capacity: number): RetryBudget => {
  let left = capacity
  return {
    spend: () => {
      if (left <= 0) return false
      left -= 1
      return true
    },
    earn: () => {
      left = Math.min(capacity, left + 1)
    },
  }
}

/** `1.5 s`, `2 min`: a pause as a person reads it. */
export const formatPause = (milliseconds: number): string =>
  milliseconds < 90_000 ? `${(milliseconds / 1000).toFixed(1)} s` : `${(milliseconds / 60_000).toFixed(1)} min`
