// A TCP proxy that is as far away as a real registry: it delays what passes, and sees how a client talks.
import type { Socket } from 'node:net'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'

/** One request with its answer as the client's side of the wire sees them, in milliseconds of performance.now(). */
export interface Exchange {
  readonly startedAt: number
  readonly endedAt: number
}

/** What passed since the proxy started, or since it was last asked to forget. */
export interface Traffic {
  readonly connections: number
  /** Requests that are sent one behind the other without waiting for answers are one exchange: one round trip. */
  readonly exchanges: readonly Exchange[]
}

export interface LatencyProxy extends TcpProxy {
  traffic(): Traffic
  /** Starts to count anew. */
  forget(): void
}

export interface LatencyOptions {
  /** HOST:PORT of the server. */
  readonly target: string
  /** How long a byte and its answer are on their way, and a connection until it carries the first byte. */
  readonly roundTripMs: number
}

/** Bytes on their way in one direction of a connection before its sender has to wait. */
const windowBytes = 16 * 1024 * 1024

/** Carries the bytes of one direction; each arrives as long after it was sent as `arrival` says. */
const carry = (
  from: Socket,
  to: Socket,
  arrival: (now: number) => number,
  seen: { readonly sent?: (now: number) => void; readonly arrived?: (now: number) => void },
): void => {
  const underway: { readonly at: number; readonly chunk: Buffer | undefined }[] = []
  let bytes = 0
  let timer: NodeJS.Timeout | undefined

  const hold = (): void => {
    if (bytes + to.writableLength > windowBytes) from.pause()
    else if (from.isPaused()) from.resume()
  }
  const deliver = (): void => {
    timer = undefined
    for (;;) {
      const [first] = underway
      if (!first) break
      const now = performance.now()
      if (first.at > now) {
        timer = setTimeout(deliver, Math.ceil(first.at - now))
        break
      }
      underway.shift()
      if (!first.chunk) to.end()
      else if (to.writable) {
        bytes -= first.chunk.length
        seen.arrived?.(now)
        to.write(first.chunk)
      }
    }
    hold()
  }
  const send = (chunk: Buffer | undefined): void => {
    const now = performance.now()
    if (chunk) seen.sent?.(now)
    bytes += chunk?.length ?? 0
    underway.push({ at: arrival(now), chunk })
    if (!timer) deliver()
    else hold()
  }
  from.on('data', send)
  from.on('end', () => send(undefined))
  to.on('drain', hold)
  to.on('close', () => clearTimeout(timer))
}

/** Notes the exchanges of one connection: a client that speaks after its server has spoken asks something new. */
const noteExchanges = (note: (exchange: Exchange) => void) => {
  let startedAt: number | undefined
  let endedAt: number | undefined
  const finish = (): void => {
    if (startedAt !== undefined && endedAt !== undefined) note({ startedAt, endedAt })
    startedAt = endedAt = undefined
  }
  return {
    asked: (now: number): void => {
      if (endedAt !== undefined) finish()
      startedAt ??= now
    },
    answered: (now: number): void => {
      endedAt = now
    },
    finish,
  }
}

/** Starts a proxy that adds a round-trip time to a server on this machine; half of it in each direction. */
export const startLatencyProxy = async ({ target, roundTripMs }: LatencyOptions): Promise<LatencyProxy> => {
  let connections = 0
  let exchanges: Exchange[] = []
  const open = new Set<ReturnType<typeof noteExchanges>>()

  const proxy = await startTcpProxy(target, (client, server) => {
    connections += 1
    const notes = noteExchanges((exchange) => exchanges.push(exchange))
    open.add(notes)
    // The kernel has accepted the client at once; over a distance it could not have sent anything before that.
    const connectedAt = performance.now() + roundTripMs
    carry(client, server, (now) => Math.max(now, connectedAt) + roundTripMs / 2, { sent: notes.asked })
    carry(server, client, (now) => now + roundTripMs / 2, { arrived: notes.answered })
    client.on('close', () => {
      notes.finish()
      open.delete(notes)
    })
  })
  const finishAll = (): void => {
    for (const notes of open) notes.finish()
  }
  return {
    ...proxy,
    traffic: () => {
      finishAll()
      return { connections, exchanges: exchanges.toSorted((a, b) => a.startedAt - b.startedAt) }
    },
    forget: () => {
      finishAll()
      connections = 0
      exchanges = []
    },
  }
}
