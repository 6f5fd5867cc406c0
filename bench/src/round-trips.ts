// How deep a tool's requests are: the longest row of them in which each waited for the one before.
import type { Exchange } from '@polyarch/parts'

/** The most exchanges of which each started after the one before had ended. */
export const countSerialExchanges = (exchanges: readonly Exchange[]): number => {
  let count = 0
  let freeAt = Number.NEGATIVE_INFINITY
  for (const { startedAt, endedAt } of exchanges.toSorted((left, right) => left.endedAt - right.endedAt)) {
    if (startedAt < freeAt) continue
    count += 1
    freeAt = endedAt
  }
  return count
}
