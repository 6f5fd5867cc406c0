// A proxy that breaks what passes through it, as often and in the same places as its seed says.
import type { Socket } from 'node:net'
import { Transform } from 'node:stream'
import { startFront } from './front.ts'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'

/** What became of connections and requests; `reset` to `stalled` count connections, `refused` counts requests. */
export type Fault = 'reset' | 'truncated' | 'stalled' | 'refused'

export interface FaultOptions {
  /** HOST:PORT of the server. */
  readonly target: string
  /** The same seed gives the n-th connection and the n-th request the same fate. */
  readonly seed: number
  /** The share (0 to 1) of connections that are reset at a random byte. */
  readonly resets?: number
  /** The share of connections that end at a random byte as if all had been said. */
  readonly truncations?: number
  /** The share of connections on which nothing passes any more from a random byte on. */
  readonly stalls?: number
  /** The random byte is one of so many at a connection's start, both directions counted; default 65536. */
  readonly within?: number
  /** How fast each direction of a connection is; default: as fast as it goes. */
  readonly bytesPerSecond?: number
  /** Answers a share of the requests itself, with one of the statuses; the server never sees these. */
  readonly refusals?: { readonly share: number; readonly statuses: readonly number[]; readonly retryAfter?: string }
}

export interface FaultProxy extends TcpProxy {
  /** How often each fault has happened. */
  faults(): Readonly<Record<Fault, number>>
  /** From now on new connections and requests pass unharmed. */
  heal(): void
}

/** Mulberry32: numbers from 0 to 1 that depend on nothing but the seed. */
const randomFrom = (seed: number) => {
  let state = seed >>> 0
  return (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Lets bytes through at a rate. */
const slowDown = (bytesPerSecond: number): Transform =>
  new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      setTimeout(done, (chunk.length / bytesPerSecond) * 1000, null, chunk)
    },
  })

/** Lets `allowance` bytes through, shared by both directions; then `onSpent` is called and no more pass. */
const spendAllowance = (allowance: { bytes: number }, onSpent: () => void) => (): Transform =>
  new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      // Never done: whatever follows stays where it is.
      if (allowance.bytes === 0) return
      const passing = chunk.subarray(0, allowance.bytes)
      allowance.bytes -= passing.length
      done(null, passing)
      if (allowance.bytes === 0) setImmediate(onSpent)
    },
  })

/** A server that refuses some requests and passes on the others. */
const startRefusingServer = (target: string, refusalOf: () => number | undefined, retryAfter?: string) =>
  startFront(target, () => {
    const status = refusalOf()
    if (status === undefined) return undefined
    const code = status === 429 ? 'TOOMANYREQUESTS' : 'UNKNOWN'
    return {
      status,
      headers: {
        'content-type': 'application/json',
        ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
      },
      body: JSON.stringify({ errors: [{ code, message: 'refused by the fault proxy' }] }),
    }
  })

/** Starts the proxy; what is not asked for does not happen. */
export const startFaultProxy = async (options: FaultOptions): Promise<FaultProxy> => {
  const { target, seed, resets = 0, truncations = 0, stalls = 0, within = 65_536, bytesPerSecond, refusals } = options
  const faults: Record<Fault, number> = { reset: 0, truncated: 0, stalled: 0, refused: 0 }
  let healthy = false
  const connectionRandom = randomFrom(seed)
  const requestRandom = randomFrom(~seed)

  const fateOf = (): Fault | undefined => {
    const drawn = connectionRandom()
    if (healthy) return undefined
    if (drawn < resets) return 'reset'
    if (drawn < resets + truncations) return 'truncated'
    return drawn < resets + truncations + stalls ? 'stalled' : undefined
  }
  const refusalOf = (): number | undefined => {
    const [drawn, choice] = [requestRandom(), requestRandom()]
    if (!refusals || healthy || drawn >= refusals.share) return undefined
    faults.refused += 1
    return refusals.statuses[Math.floor(choice * refusals.statuses.length)]
  }
  const spend = (fault: Fault, client: Socket, server: Socket) => (): void => {
    faults[fault] += 1
    if (fault === 'stalled') return
    if (fault === 'reset') client.resetAndDestroy()
    else client.destroySoon()
    server.destroy()
  }

  const refusing = refusals && (await startRefusingServer(target, refusalOf, refusals.retryAfter))
  const proxy = await startTcpProxy(refusing?.host ?? target, (client, server) => {
    const fate = fateOf()
    const allowance = { bytes: 1 + Math.floor(connectionRandom() * within) }
    const limit = fate && spendAllowance(allowance, spend(fate, client, server))
    const carry = (from: Socket, to: Socket): void => {
      let stream: NodeJS.ReadableStream = from
      if (limit) stream = stream.pipe(limit())
      if (bytesPerSecond !== undefined) stream = stream.pipe(slowDown(bytesPerSecond))
      stream.pipe(to)
    }
    carry(client, server)
    carry(server, client)
  })
  const stop = async (): Promise<void> => {
    await proxy.stop()
    await refusing?.stop()
  }
  return {
    ...proxy,
    faults: () => ({ ...faults }),
    heal: () => {
      healthy = true
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
