// Requests that a server carries out in their order: all on their way at once, as long as it keeps to that.
import { isStoreError } from '@polyarch/oci'
import { Refusal } from './errors.ts'
import type { Exchange, ExchangeRequest, ReadResponse } from './exchange.ts'
import { followsRedirect } from './location.ts'
import type { Method } from './transport.ts'

/** What an exchange does with single requests. */
export interface Sending {
  /** Sends all at once on one connection, and gives what came of each. */
  readonly sendTogether: (
    requests: readonly [ExchangeRequest, ...ExchangeRequest[]],
  ) => Promise<readonly PromiseSettledResult<ReadResponse>[]>
  /** Sends one alone, from this attempt on. */
  readonly callFrom: (attempt: number, request: ExchangeRequest) => Promise<ReadResponse>
  readonly recover: Exchange['recover']
}

/** Whether the refusal says only what to do first: log in, or ask elsewhere. */
const leadsOn = (error: unknown, method: Method): boolean => {
  const status = error instanceof Refusal ? (error.request?.status ?? 0) : 0
  return status === 401 || followsRedirect(method, status)
}

/** @see Exchange.callInOrder */
export const createCallInOrder = (sending: Sending): Exchange['callInOrder'] => {
  /** Hosts that answered one request and left the next one behind it unanswered: some drop those, and get one at a time. */
  const oneByOne = new Set<string>()

  return async (requests, onAnswer) => {
    const answers: ReadResponse[] = []
    for (;;) {
      const first = answers.length
      const [next, ...others] = requests.slice(first)
      if (next === undefined) return answers
      if (oneByOne.has(next.url.host)) {
        answers.push(await sending.callFrom(1, next))
        onAnswer?.(first)
        continue
      }
      const results = await sending.sendTogether([next, ...others])
      for (const [position, result] of results.entries())
        if (result.status === 'fulfilled') onAnswer?.(first + position)
      const failed = results.findIndex(({ status }) => status === 'rejected')
      const done = failed === -1 ? results : results.slice(0, failed)
      answers.push(...done.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])))
      const failure = results[failed]
      if (failure?.status !== 'rejected') continue
      const reason: unknown = failure.reason
      const request = requests[answers.length]!
      const isLed = leadsOn(reason, request.method)
      if (failed > 0 && isStoreError(reason, 'UNREACHABLE')) oneByOne.add(request.url.host)
      if (!isLed) await sending.recover(reason, 1, next.place)
      // Alone, it is led through challenges, redirects and further attempts; those behind it follow together again.
      answers.push(await sending.callFrom(isLed ? 1 : 2, request))
      onAnswer?.(answers.length - 1)
    }
  }
}
