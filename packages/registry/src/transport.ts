// One HTTP request and its answer: connections, TLS and proxies. No redirects, no credentials, no retries.
import { setImmediate } from 'node:timers/promises'
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import { inputFailure, isLoopback } from '@polyarch/oci'
import type { Client as ClientType, Dispatcher } from 'undici'
import api from 'undici/lib/api/index.js'
import Agent from 'undici/lib/dispatcher/agent.js'
import Client from 'undici/lib/dispatcher/client.js'
import EnvHttpProxyAgent from 'undici/lib/dispatcher/env-http-proxy-agent.js'
import { type Answer, isAuthorityUnknown } from './errors.ts'
import { bypassesProxy } from './no-proxy.ts'
import type { ClientCertificate, Limits, ProxySettings } from './options.ts'

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
  readonly clientCertificates?: Readonly<Record<string, ClientCertificate>> | undefined
  readonly proxy?: ProxySettings | undefined
  readonly limits: Limits
  readonly userAgent: string
}

/** What broke off an answer that was longer than wanted. */
class LongEnough extends Error {}

/** Requests that go out together on one connection. */
interface Batch {
  readonly line: string
  /** What left one of them without an answer: undici would send those behind it on other connections, each with its own wait. */
  trouble?: Error
}

/**
 * Sends the request and gives the answer with its whole body; of a longer one than `limit` no more than shows that.
 * A stream for each of hundreds of small answers would cost more than all else about them.
 */
const collect = (
  dispatcher: Dispatcher,
  options: Dispatcher.DispatchOptions,
  limit: number,
  batch?: Batch,
): Promise<TransportResponse> =>
  new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let length = 0
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
      },
      onResponseData: (controller, chunk) => {
        if (length > limit) return
        chunks.push(chunk)
        length += chunk.length
        if (length > limit) controller.abort(new LongEnough())
      },
      onResponseEnd: finish,
      onResponseError: (_, error) => {
        if (error instanceof LongEnough) return finish()
        if (batch !== undefined) batch.trouble = error
        reject(error)
      },
    })
  })

const bodyOf = (chunks: readonly Uint8Array[]): ResponseBody => ({
  async *[Symbol.asyncIterator]() {
    yield* chunks
  },
  discard: async () => undefined,
})

/** Requests on their way at once on a connection that carries them out in order. */
const mostInOrder = 128

/** The URL of a proxy; the message never shows it, since it may hold a password. */
const proxyUrlOf = (variable: string, value: string | undefined): string | undefined => {
  if (value === undefined || value.trim() === '') return undefined
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? value.trim() : `http://${value.trim()}`
  if (URL.canParse(url) && /^(?:https?|socks5?):$/.test(new URL(url).protocol)) return url
  throw inputFailure(`${variable} is not the URL of a proxy: expected http://HOST:PORT`)
}

/** A transport that keeps its connections alive, with a pool of them for each origin. */
export const openTransport = (settings: TransportSettings): Transport => {
  const { limits, proxy } = settings
  const dispatchers = new Map<string, Dispatcher>()
  const contexts = new Map<string, SecureContext>()
  /** Origins whose certificate only the system's authorities could know. */
  const systemTrusted = new Set<string>()

  // One context for all connections: reading some hundred authorities again for each would cost more than the handshake.
  const secureContextOf = (origin: URL): SecureContext | undefined => {
    const certificate = settings.clientCertificates?.[origin.host]
    const system = systemTrusted.has(origin.origin)
    const own = settings.certificateAuthorities
    if (certificate === undefined && own === undefined && !system) return undefined
    const key = `${system} ${certificate === undefined ? '' : origin.host}`
    const known = contexts.get(key)
    if (known) return known
    const authorities = new Set([
      ...getCACertificates('default'),
      ...(system ? getCACertificates('system') : []),
      ...(own === undefined ? [] : [own]),
    ])
    const context = createSecureContext({
      ca: [...authorities],
      ...(certificate === undefined ? {} : { cert: certificate.certificate, key: certificate.key }),
    })
    contexts.set(key, context)
    return context
  }

  const proxyFor = (origin: URL): string | undefined => {
    const proxyOfScheme =
      origin.protocol === 'https:' ? proxyUrlOf('HTTPS_PROXY', proxy?.https) : proxyUrlOf('HTTP_PROXY', proxy?.http)
    const isDirect = proxyOfScheme === undefined || isLoopback(origin.host) || bypassesProxy(origin, proxy?.no)
    return isDirect ? undefined : proxyOfScheme
  }

  const createDispatcher = (origin: URL, verified: boolean, line: string | undefined): Dispatcher => {
    const secureContext = origin.protocol === 'https:' ? secureContextOf(origin) : undefined
    const trust = secureContext === undefined ? {} : { secureContext }
    const tls = { ...trust, rejectUnauthorized: verified }
    const options: ClientType.Options = {
      // Bulk bytes go faster over several HTTP/1.1 connections than over one HTTP/2 connection.
      allowH2: false,
      connect: { ...tls, timeout: limits.connectTimeout },
      headersTimeout: limits.answerTimeout,
      bodyTimeout: limits.stallTimeout,
      keepAliveTimeout: 15_000,
    }
    if (line !== undefined) return new Client(origin.origin, { ...options, pipelining: mostInOrder })
    const proxyUrl = proxyFor(origin)
    // The limiter alone decides how many requests are under way: a second gate here could lock reads out behind writes.
    if (proxyUrl === undefined) return new Agent({ ...options, connections: null })
    // All values always: undici would read the process's environment otherwise.
    return new EnvHttpProxyAgent({
      ...options,
      connections: null,
      requestTls: { ...tls, timeout: limits.connectTimeout },
      proxyTls: trust,
      httpProxy: proxyUrl,
      httpsProxy: proxyUrl,
      noProxy: '',
    })
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
    const options = {
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers: { 'user-agent': settings.userAgent, ...headers },
      body: (body ?? null) as Dispatcher.DispatchOptions['body'] & null,
      // Otherwise undici closes the connection after each HEAD: https://github.com/nodejs/undici/issues/258
      reset: false,
      ...(batch === undefined ? {} : { idempotent: true, blocking: false }),
    }
    if (limit !== undefined) return await collect(dispatcher, options, limit, batch)
    const { statusCode: status, headers: answered, body: stream } = await api.request.call(dispatcher, options)
    const chunks = stream as AsyncIterable<Uint8Array>
    return {
      status,
      headers: answered,
      body: { [Symbol.asyncIterator]: () => chunks[Symbol.asyncIterator](), discard: () => stream.dump({ limit: 0 }) },
    }
  }

  const sendOnce = async (request: TransportRequest): Promise<TransportResponse> => {
    // undici gives a connection back one turn of the event loop after its answer: asked at once, it opens another one.
    await setImmediate()
    return await dispatch(request)
  }

  return {
    send: async (request) => {
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
    },
    sendInOrder: (line, requests) => {
      const batch: Batch = { line }
      let before: Promise<unknown> = Promise.resolve()
      return requests.map((request) => {
        if (proxyFor(request.url) === undefined) return dispatch(request, batch)
        // A proxy may open a connection for each: there only an answer proves that a request was carried out.
        const sent = before.then(() => sendOnce(request))
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
