// One HTTP request and its answer: connections, TLS and proxies. No redirects, no credentials, no retries.
import { setImmediate } from 'node:timers/promises'
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import { isLoopback } from '@polyarch/oci'
import type { Client as ClientType, Dispatcher } from 'undici'
import api from 'undici/lib/api/index.js'
import Agent from 'undici/lib/dispatcher/agent.js'
import Client from 'undici/lib/dispatcher/client.js'
import { isAuthorityUnknown } from './connection-trouble.ts'
import type { Answer } from './errors.ts'
import { bypassesProxy } from './no-proxy.ts'
import type { ClientCertificate, Limits, ProxySettings } from './options.ts'
import { openProxy, type ProxyServer, ProxyTrouble, parseProxy, proxyHeaders, tunnelConnector } from './proxy.ts'

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface TransportRequest {
  readonly method: Method
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** A streamed body needs its length in the headers. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array> | undefined
  /** False: any certificate will do. */
  readonly verified: boolean
  /** The most of the answer's body that is read before it is given; absent: the body is given as it comes. */
  readonly collect?: number | undefined
}

/** The body of an answer, to be read once: to its end, so that its connection can be used again, or discarded. */
export interface ResponseBody extends AsyncIterable<Uint8Array> {
  /** Reads it to its end unless that is too far, and forgets it. */
  discard(): Promise<void>
}

export interface TransportResponse extends Answer {
  readonly body: ResponseBody
}

export interface Transport {
  send(request: TransportRequest): Promise<TransportResponse>
  /**
   * Sends requests to one origin without waiting for answers in between, all on the connection of that name: the server
   * carries them out in this order (RFC 9112, section 9.3.2). They have to be idempotent, and their bodies in memory.
   * Where one gets no answer, those behind it end with it.
   */
  sendInOrder(line: string, requests: readonly TransportRequest[]): readonly Promise<TransportResponse>[]
  /** Breaks off what is under way and closes all connections. */
  close(): Promise<void>
}

export interface TransportSettings {
  readonly certificateAuthorities?: string | undefined
  /** By the host of their URLs. */
  readonly clientCertificates?: Readonly<Record<string, ClientCertificate>> | undefined
  readonly proxy?: ProxySettings | undefined
  readonly limits: Limits
  readonly userAgent: string
}

/** What broke off an answer that was longer than wanted. */
class LongEnough extends Error {}

/** What broke off an answer that kept coming, but too slowly. */
class SlowAnswer extends Error {
  readonly code = 'SLOW_ANSWER'
}

/** What of an answer is collected: bytes, and milliseconds from its beginning on. */
interface Bounds {
  readonly bytes: number
  readonly milliseconds: number
}

/** Requests that go out together on one connection. */
interface Batch {
  readonly line: string
  /** What left one of them without an answer: undici would send those behind it on other connections, each with its own wait. */
  trouble?: Error
}

/**
 * Sends the request and gives the answer with its whole body; of a longer one than the bounds no more than shows that.
 * A stream for each of hundreds of small answers would cost more than all else about them.
 */
const collect = (
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  bounds: Bounds,
  batch?: Batch,
): Promise<TransportResponse> =>
  new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let length = 0
    let began = 0
    let answer: Answer | undefined
    const finish = (): void => {
      if (answer !== undefined) resolve({ ...answer, body: bodyOf(chunks) })
    }
    dispatcher.dispatch(options, {
      onRequestStart: () => {
        // Thrown, it ends this request alone; `abort` would end the connection too.
        if (batch?.trouble !== undefined) throw batch.trouble
      },
      onResponseStart: (_, status, headers) => {
        // Answers below 200 say that another one follows.
        if (status >= 200) answer = { status, headers }
        began = performance.now()
      },
      onResponseData: (controller, chunk) => {
        if (length > bounds.bytes) return
        chunks.push(chunk)
        length += chunk.length
        if (length > bounds.bytes) controller.abort(new LongEnough())
        // A body that stalls is noticed by undici, but not one of which a byte comes now and then.
        else if (performance.now() - began > bounds.milliseconds) controller.abort(new SlowAnswer())
      },
      onResponseEnd: finish,
      onResponseError: (_, error) => {
        if (error instanceof LongEnough) return finish()
        if (batch !== undefined) batch.trouble = error
        reject(error)
      },
    })
  })

/** Sends the request and gives the answer as soon as it begins. */
const stream = async (
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions & { readonly origin: string },
): Promise<TransportResponse> => {
  const { statusCode: status, headers, body } = await api.request.call(dispatcher, options)
  const chunks = body as AsyncIterable<Uint8Array>
  return {
    status,
    headers,
    body: { [Symbol.asyncIterator]: () => chunks[Symbol.asyncIterator](), discard: () => body.dump({ limit: 0 }) },
  }
}

const bodyOf = (chunks: readonly Uint8Array[]): ResponseBody => ({
  async *[Symbol.asyncIterator]() {
    yield* chunks
  },
  discard: async () => undefined,
})

/** Requests on their way at once on a connection that carries them out in order. */
const mostInOrder = 128

/** A transport that keeps its connections alive, with a pool of them for each origin. */
export const openTransport = (settings: TransportSettings): Transport => {
  const { limits, proxy } = settings
  const dispatchers = new Map<string, Dispatcher>()
  const contexts = new Map<string, SecureContext>()
  /** Origins whose certificate only the system's authorities could know. */
  const systemTrusted = new Set<string>()

  // One context for all connections: reading some hundred authorities again for each would cost more than the handshake.
  const trustOf = (origin: URL, certificate?: ClientCertificate): { readonly secureContext?: SecureContext } => {
    const system = systemTrusted.has(origin.origin)
    const own = settings.certificateAuthorities
    if (certificate === undefined && own === undefined && !system) return {}
    const key = `${system} ${certificate === undefined ? '' : origin.host}`
    const known = contexts.get(key)
    if (known) return { secureContext: known }
    const authorities = new Set([
      ...getCACertificates('default'),
      ...(system ? getCACertificates('system') : []),
      ...(own === undefined ? [] : [own]),
    ])
    const secureContext = createSecureContext({
      ca: [...authorities],
      ...(certificate === undefined ? {} : { cert: certificate.certificate, key: certificate.key }),
    })
    contexts.set(key, secureContext)
    return { secureContext }
  }

  const proxyFor = (origin: URL): ProxyServer | undefined => {
    const proxyOfScheme =
      origin.protocol === 'https:' ? parseProxy('HTTPS_PROXY', proxy?.https) : parseProxy('HTTP_PROXY', proxy?.http)
    const isDirect = proxyOfScheme === undefined || isLoopback(origin.host) || bypassesProxy(origin, proxy?.no)
    return isDirect ? undefined : proxyOfScheme
  }

  const createDispatcher = (origin: URL, verified: boolean, line: string | undefined): Dispatcher => {
    const { protocol, host } = origin
    const trust = protocol === 'https:' ? trustOf(origin, settings.clientCertificates?.[host]) : {}
    const connect = { ...trust, rejectUnauthorized: verified, timeout: limits.connectTimeout }
    const options: ClientType.Options = {
      // Bulk bytes go faster over several HTTP/1.1 connections than over one HTTP/2 connection.
      allowH2: false,
      connect,
      headersTimeout: limits.answerTimeout,
      bodyTimeout: limits.stallTimeout,
      keepAliveTimeout: 15_000,
    }
    if (line !== undefined) return new Client(origin.origin, { ...options, pipelining: mostInOrder })
    const through = proxyFor(origin)
    // The limiter alone decides how many requests are under way: a second gate here could lock reads out behind writes.
    if (through === undefined) return new Agent({ ...options, connections: null })
    // The proxy sees no certificate of the client: that is for the host behind it.
    const toProxy = { ...trustOf(origin), timeout: limits.connectTimeout }
    if (protocol === 'http:') return openProxy(through, toProxy, options)
    const tunnels = openProxy(through, toProxy, { headersTimeout: limits.connectTimeout })
    dispatchers.set(`${origin.origin} ${dispatchers.size} tunnels`, tunnels)
    return new Agent({ ...options, connections: null, connect: tunnelConnector(through, tunnels, connect) })
  }

  const dispatcherFor = (origin: URL, verified: boolean, line: string | undefined): Dispatcher => {
    const key = `${origin.origin} ${verified} ${systemTrusted.has(origin.origin)} ${line ?? ''}`
    const dispatcher = dispatchers.get(key) ?? createDispatcher(origin, verified, line)
    dispatchers.set(key, dispatcher)
    return dispatcher
  }

  const dispatch = async (
    { method, url, headers, body, verified, collect: limit }: TransportRequest,
    batch?: Batch,
  ): Promise<TransportResponse> => {
    const dispatcher = dispatcherFor(url, verified, batch?.line)
    // A proxy is told the whole URL of what is not tunnelled (RFC 9112, section 3.2.2).
    const forward = url.protocol === 'http:' ? proxyFor(url) : undefined
    const path = url.pathname + url.search
    const options = {
      origin: url.origin,
      path: forward === undefined ? path : url.origin + path,
      method,
      headers: {
        'user-agent': settings.userAgent,
        ...(forward === undefined ? {} : { host: url.host, ...proxyHeaders(forward) }),
        ...headers,
      },
      body: (body ?? null) as Dispatcher.DispatchOptions['body'] & null,
      // Otherwise undici closes the connection after each HEAD: https://github.com/nodejs/undici/issues/258
      reset: false,
      ...(batch === undefined ? {} : { idempotent: true, blocking: false }),
    }
    const answer =
      limit === undefined
        ? await stream(dispatcher, options)
        : await collect(dispatcher, options, { bytes: limit, milliseconds: limits.answerTimeout }, batch)
    if (forward === undefined || answer.status !== 407) return answer
    await answer.body.discard()
    throw new ProxyTrouble(forward, { status: answer.status })
  }

  const sendOnce = async (request: TransportRequest): Promise<TransportResponse> => {
    // undici gives a connection back one turn of the event loop after its answer: asked at once, it opens another one.
    await setImmediate()
    return await dispatch(request)
  }

  const send: Transport['send'] = async (request) => {
    const { origin } = request.url
    const trusted = systemTrusted.has(origin)
    try {
      return await sendOnce(request)
    } catch (error) {
      if (trusted || !isAuthorityUnknown(error)) throw error
      // Reading the system's authorities takes longer than a request: only for hosts that need them. No byte of the
      // body was read, since the connection never stood.
      systemTrusted.add(origin)
      return await sendOnce(request)
    }
  }

  /** All on one connection; again with the system's authorities where that never stood for want of them. */
  const sendBatch = (line: string, requests: readonly TransportRequest[]): Promise<TransportResponse>[] => {
    const batch: Batch = { line }
    let again: readonly Promise<TransportResponse>[] | undefined
    return requests.map(async (request, position) => {
      const { origin } = request.url
      const trusted = systemTrusted.has(origin)
      try {
        return await dispatch(request, batch)
      } catch (error) {
        if (trusted || !isAuthorityUnknown(error)) throw error
        systemTrusted.add(origin)
        again ??= sendBatch(line, requests)
        return await again[position]!
      }
    })
  }

  return {
    send,
    sendInOrder: (line, requests) => {
      if (requests.every(({ url }) => proxyFor(url) === undefined)) return sendBatch(line, requests)
      // A proxy may open a connection for each: there only an answer proves that a request was carried out.
      let before: Promise<unknown> = Promise.resolve()
      return requests.map((request) => {
        const sent = before.then(() => send(request))
        before = sent
        return sent
      })
    },
    close: async () => {
      await Promise.all([...dispatchers.values()].map((dispatcher) => dispatcher.destroy()))
      dispatchers.clear()
    },
  }
}
