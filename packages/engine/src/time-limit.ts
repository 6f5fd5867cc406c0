// How long an engine may take, as people write it.
import { inputFailure } from '@polyarch/oci'

const longestSeconds = 7 * 24 * 3600

/**
 * The seconds of `90` (minutes), `45s`, `90m`, `2h` or `1h30m`.
 * @throws {Failure} input, for anything else, nothing at all, and more than a week.
 */
export const parseTimeLimit = (text: string): number => {
  const [, minutesOnly, hours = 0, minutes = 0, seconds = 0] =
    /^(?:(\d{1,6})|(?=\d)(?:(\d{1,3})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?)$/.exec(text) ?? []
  const total =
    minutesOnly === undefined ? Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds) : Number(minutesOnly) * 60
  if (total > 0 && total <= longestSeconds) return total
  throw inputFailure(
    `input timeout: expected minutes, or for example 45s, 90m or 1h30m, a week at most; found "${text}"`,
  )
}
