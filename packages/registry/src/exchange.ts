// Requests with everything around them that holds for any host: slots, redirects, 401, refusals, retries.
import { Failure, type StoreErrorCode } from '@polyarch/oci'
import { type LimitedBody, readLimited } from './body.ts'
import { type Challenge, parseChallenges } from './challenge.ts'
import { cleanText, errorBodyLimit, headerOf, Refusal, refusalOf, troubleOf } from './errors.ts'
import { createCallInOrder } from './in-order.ts'
import { createLimiter, type Limiter } from './limiter.ts'
import { followsRedirect, resolveRedirect } from './location.ts'
import type { Clock, Limits } from './options.ts'
import { bodyHeaders, gather, isStreamed, onePiece, type Piece, type RequestBody, watch } from './request-body.ts'
import { createRetryBudget, formatPause, planRetry } from './retry.ts'
import type { Method, Transport, TransportResponse } from './transport.ts'

/** Proves to one origin who asks; no other origin ever sees what it gives. */
export interface Authorizer {
  readonly origin: string
  /** The Authorization header, or undefined to ask without one. */
  authorize(): Promise<string | undefined>
  /**
   * Reacts to a 401: undefined when the request is worth sending again, else why not.
   * `round` counts the 401s of this request from 0, `used` is the header that was refused.
   */
  answerChallenge(
    challenges: readonly Challenge[],
    used: string | undefined,
    round: number,
  ): Promise<string | undefined>
}

export interface ExchangeRequest {
  readonly method: Method
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: RequestBody
  /** The statuses that are answers; everything else is a refusal. */
  readonly accept: readonly number[]
  /** What 404 stands for where the body does not say. */
  readonly notFound: StoreErrorCode
  readonly authorizer?: Authorizer | undefined
  /** Whether the certificate of this origin is checked. */
  readonly verified: boolean
  /** Whether it carries a secret that no other origin may see: then it follows no redirect there. */
  readonly isSecret?: boolean
  /** What the request is for, in log lines: HOST/NAME. */
  readonly place: string
  /** For answers that are read slowly and for long: their slot is free as soon as they begin. */
  readonly streamed?: boolean
  /** The most of the body that `call` takes. Default 64 KiB. */
  readonly bodyLimit?: number
  /** The most of a refusal's body that is read. Default 64 KiB. */
  readonly errorLimit?: number
}

export interface OpenResponse extends TransportResponse {
  /** Where the answer came from, after redirects. */
  readonly url: URL
}

export interface ReadResponse extends Omit<OpenResponse, 'body'> {
  readonly bytes: Uint8Array
}

export interface Exchange {
  /** Sends once, follows redirects, answers challenges. @throws {Refusal} for every status that is not accepted. */
  open(request: ExchangeRequest): Promise<OpenResponse>
  /** The answer with its body, up to `limit` bytes (default 64 KiB). @throws {Refusal} where it breaks off or is longer. */
  readWhole(response: OpenResponse, method: Method, limit?: number): Promise<ReadResponse>
  /** Repeats work that is safe to repeat until it succeeds or the patience ends. */
  repeat<T>(place: string, work: (attempt: number) => Promise<T>): Promise<T>
  /** Opens and reads, repeatedly where need be. */
  call(request: ExchangeRequest): Promise<ReadResponse>
  /**
   * Has the requests carried out in this order, in one round trip where nothing goes wrong: they are idempotent, of one
   * repository, and carry their bodies as bytes. `onAnswer` is told of each that was carried out, some twice.
   * @throws {Refusal} for the first that is refused; those behind it may have been carried out.
   */
  callInOrder(requests: readonly ExchangeRequest[], onAnswer?: (position: number) => void): Promise<ReadResponse[]>
  /** Waits until another attempt makes sense. @throws the error, where none does. */
  recover(error: unknown, attempt: number, place: string): Promise<void>
  /** To be told that an attempt under `recover` succeeded. */
  succeed(): void
}

export interface ExchangeSettings {
  readonly transport: Transport
  readonly limits: Limits
  readonly clock: Clock
  readonly random: () => number
  readonly onRetry: (line: string) => void
  readonly isInsecure: (host: string) => boolean
  /** Aborted, nothing more is sent: what is under way, and whoever waits for a slot or another attempt, ends with its reason. */
  readonly signal: AbortSignal
}

const mostChallenges = 3

/** The most of an answer that anyone will look at. */
const mostOf = ({ bodyLimit = 0, errorLimit = 0 }: ExchangeRequest): number =>
  Math.max(errorBodyLimit, bodyLimit, errorLimit)

const headersOf = ({ headers, body }: ExchangeRequest, authorization: string | undefined): Record<string, string> => ({
  ...headers,
  ...bodyHeaders(body),
  ...(authorization === undefined ? {} : { authorization }),
})

/** The exchange of one client: limits per host, one budget of retries. */
export const createExchange = (settings: ExchangeSettings): Exchange => {
  const { transport, limits, clock, signal } = settings
  const budget = createRetryBudget(limits.retryBudget)
  const answered = new Set<string>()
  const limiters = new Map<string, Limiter>()

  const limiterOf = (host: string, lane: 'read' | 'write'): Limiter => {
    const key = `${lane} ${host}`
    const limiter = limiters.get(key) ?? createLimiter(limits.connections, clock, signal)
    limiters.set(key, limiter)
    return limiter
  }

  const sendOnce = async (
    request: ExchangeRequest,
    url: URL,
    authorization: string | undefined,
  ): Promise<TransportResponse> => {
    const { method, body } = request
    // Reads never wait for writes: an upload holds its slot while it reads its content, perhaps from this very host.
    const limiter = limiterOf(url.host, method === 'GET' || method === 'HEAD' ? 'read' : 'write')
    const slot = await limiter.acquire()
    const watched = isStreamed(body) && body.length > onePiece ? watch(body) : undefined
    let piece: Piece | undefined
    try {
      piece = isStreamed(body) && body.length > 0 && watched === undefined ? await gather(body) : undefined
    } catch (error) {
      slot.release()
      throw error
    }
    const started = clock.now()
    let isRead = false
    try {
      const response = await transport.send({
        method,
        url,
        headers: headersOf(request, authorization),
        body: watched?.stream ?? piece?.bytes ?? (isStreamed(body) || body?.length === 0 ? undefined : body),
        verified: url.origin === request.url.origin ? request.verified : !settings.isInsecure(url.host),
        collect: request.streamed ? undefined : mostOf(request),
      })
      // An upload that is only opened, like a refusal, may be answered before the body is read.
      isRead = request.accept.includes(response.status) && (method !== 'POST' || response.status === 201)
      answered.add(url.host)
      const latency = watched === undefined ? clock.now() - started : undefined
      if (request.streamed) slot.release(latency)
      // The connection takes its next request in the turn after its answer ended: a slot that is free sooner opens another.
      else setImmediate(() => slot.release(latency))
      return response
    } catch (error) {
      slot.release()
      const failure = watched?.failure()
      if (failure) throw failure.error
      signal.throwIfAborted()
      if (error instanceof Failure) throw error
      throw troubleOf({ method, url }, error)
    } finally {
      await piece?.giveBack(isRead)
    }
  }

  const readBody = async (
    method: Method,
    body: AsyncIterable<Uint8Array>,
    url: URL,
    limit: number,
  ): Promise<LimitedBody> => {
    try {
      return await readLimited(body, limit)
    } catch (error) {
      signal.throwIfAborted()
      throw troubleOf({ method, url }, error)
    }
  }

  const readRefusal = async (
    { method, notFound, errorLimit = errorBodyLimit }: ExchangeRequest,
    response: OpenResponse,
  ): Promise<Refusal> => {
    const { url, body } = response
    const { bytes } = await readBody(method, body, url, errorLimit)
    return refusalOf({ method, url }, response, bytes, notFound, clock.now())
  }

  const open = async (request: ExchangeRequest): Promise<OpenResponse> => {
    const { method, authorizer } = request
    let url = request.url
    let challenged = 0
    for (let redirects = 0; ; ) {
      const mayAuthorize = authorizer !== undefined && authorizer.origin === url.origin
      const authorization = mayAuthorize ? await authorizer.authorize() : undefined
      const response = await sendOnce(request, url, authorization)
      const { status } = response
      if (request.accept.includes(status)) return { ...response, url }

      const location = followsRedirect(method, status) ? headerOf(response, 'location') : undefined
      if (location !== undefined) {
        await readBody(method, response.body, url, errorBodyLimit)
        url = resolveRedirect(location, { ...request, url, status, redirects }, settings.isInsecure)
        redirects += 1
        continue
      }
      const refusal = await readRefusal(request, { ...response, url })
      if (status !== 401 || !mayAuthorize) throw refusal
      const challenges = parseChallenges(response.headers['www-authenticate'])
      const why =
        challenged < mostChallenges
          ? await authorizer.answerChallenge(challenges, authorization, challenged)
          : 'it asks for a login again and again'
      challenged += 1
      if (why !== undefined)
        throw new Refusal(
          'UNAUTHORIZED',
          `${request.place}: ${why}`,
          { method, url },
          { status, transient: false, cause: refusal },
        )
    }
  }

  const recover: Exchange['recover'] = async (error, attempt, place) => {
    if (!(error instanceof Refusal) || !error.transient) throw error
    const { host } = error.question.url
    const { retryAfter } = error
    const wait = planRetry({ attempt, retryAfter, answeredBefore: answered.has(host) }, limits, settings.random())
    if (wait === undefined)
      throw error.withNote(
        retryAfter !== undefined && retryAfter > limits.longestRetryAfter
          ? `it asks to wait ${formatPause(retryAfter)}`
          : `gave up after ${attempt} ${attempt === 1 ? 'attempt' : 'attempts'}`,
      )
    if (!budget.spend()) throw error.withNote('no retries are left')
    if (error.code === 'TOOMANYREQUESTS' || retryAfter !== undefined)
      for (const lane of ['read', 'write'] as const) limiterOf(host, lane).throttle(wait)
    settings.onRetry(cleanText(`${place}: ${error.message}; attempt ${attempt + 1} follows in ${formatPause(wait)}`))
    await clock.sleep(wait, signal)
  }

  const readWhole: Exchange['readWhole'] = async ({ body, ...response }, method, limit = errorBodyLimit) => {
    const { url, status } = response
    const { bytes, truncated } = await readBody(method, body, url, limit)
    if (!truncated) return { ...response, bytes }
    const reason = `the answer is longer than the limit of ${limit} bytes`
    throw new Refusal('UNKNOWN', reason, { method, url }, { status, transient: false })
  }

  const repeatFrom = async <T>(first: number, place: string, work: (attempt: number) => Promise<T>): Promise<T> => {
    for (let attempt = first; ; attempt += 1) {
      try {
        const result = await work(attempt)
        budget.earn()
        return result
      } catch (error) {
        await recover(error, attempt, place)
      }
    }
  }

  const repeat: Exchange['repeat'] = (place, work) => repeatFrom(1, place, work)

  const callFrom = (attempt: number, request: ExchangeRequest): Promise<ReadResponse> =>
    repeatFrom(attempt, request.place, async () => readWhole(await open(request), request.method, request.bodyLimit))

  const call: Exchange['call'] = (request) => callFrom(1, request)

  /** Sends all at once on one connection, and gives what came of each: none of them is under way any more. */
  const sendTogether = async (
    requests: readonly [ExchangeRequest, ...ExchangeRequest[]],
  ): Promise<PromiseSettledResult<ReadResponse>[]> => {
    const [{ url, authorizer, place }] = requests
    const authorization = await authorizer?.authorize()
    const slot = await limiterOf(url.host, 'write').acquire()
    try {
      const sent = transport.sendInOrder(
        place,
        requests.map((request) => {
          const { method, url, body, verified } = request
          const headers = headersOf(request, authorization)
          const bytes = body instanceof Uint8Array && body.length > 0 ? body : undefined
          return { method, url, headers, body: bytes, verified, collect: mostOf(request) }
        }),
      )
      return await Promise.allSettled(
        sent.map(async (answer, position) => {
          const request = requests[position]!
          const { method, url, accept, bodyLimit } = request
          const response = await answer.catch((error: unknown) => {
            signal.throwIfAborted()
            throw error instanceof Failure ? error : troubleOf({ method, url }, error)
          })
          answered.add(url.host)
          if (accept.includes(response.status)) return await readWhole({ ...response, url }, method, bodyLimit)
          throw await readRefusal(request, { ...response, url })
        }),
      )
    } finally {
      slot.release()
    }
  }

  return {
    open,
    readWhole,
    repeat,
    call,
    callInOrder: createCallInOrder({ sendTogether, callFrom, recover }),
    recover,
    succeed: () => budget.earn(),
  }
}
