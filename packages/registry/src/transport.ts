// One HTTP request and its answer: connections, TLS and proxies. No redirects, no credentials, no retries.
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import { isLoopback } from '@polyarch/oci'
import type { Agent as AgentType, Dispatcher } from 'undici'
import api from 'undici/lib/api/index.js'
import Agent from 'undici/lib/dispatcher/agent.js'
import EnvHttpProxyAgent from 'undici/lib/dispatcher/env-http-proxy-agent.js'
import type { Answer } from './errors.ts'
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
}

export interface TransportResponse extends Answer {
  /** Has to be read to its end or discarded, so that its connection can be used again. */
  readonly body: Dispatcher.ResponseData['body']
}

export interface Transport {
  send(request: TransportRequest): Promise<TransportResponse>
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

/** A transport that keeps its connections alive, with a pool of them for each origin. */
export const openTransport = (settings: TransportSettings): Transport => {
  const { limits, proxy } = settings
  const dispatchers = new Map<string, Dispatcher>()
  const contexts = new Map<string, SecureContext>()

  // One context for all connections: reading some 300 authorities again for each would cost more than the handshake.
  const secureContextOf = (host: string): SecureContext => {
    const certificate = settings.clientCertificates?.[host]
    const key = certificate === undefined ? '' : host
    const context =
      contexts.get(key) ??
      createSecureContext({
        ca: [
          ...new Set([...getCACertificates('default'), ...getCACertificates('system')]),
          ...(settings.certificateAuthorities === undefined ? [] : [settings.certificateAuthorities]),
        ],
        ...(certificate === undefined ? {} : { cert: certificate.certificate, key: certificate.key }),
      })
    contexts.set(key, context)
    return context
  }

  const createDispatcher = (origin: URL, verified: boolean): Dispatcher => {
    const tls =
      origin.protocol === 'https:' ? { secureContext: secureContextOf(origin.host), rejectUnauthorized: verified } : {}
    const options: AgentType.Options = {
      // The limiter alone decides how many requests are under way: a second gate here could lock reads out behind writes.
      connections: null,
      // Bulk bytes go faster over several HTTP/1.1 connections than over one HTTP/2 connection.
      allowH2: false,
      connect: { ...tls, timeout: limits.connectTimeout },
      headersTimeout: limits.answerTimeout,
      bodyTimeout: limits.stallTimeout,
      keepAliveTimeout: 15_000,
    }
    const proxyOfScheme = origin.protocol === 'https:' ? proxy?.https : proxy?.http
    if (!proxyOfScheme || isLoopback(origin.host)) return new Agent(options)
    // Both values always, empty where unset: undici would read the process's environment otherwise.
    return new EnvHttpProxyAgent({
      ...options,
      requestTls: { ...tls, timeout: limits.connectTimeout },
      httpProxy: proxyOfScheme,
      httpsProxy: proxyOfScheme,
      noProxy: proxy?.no ?? '',
    })
  }

  const dispatcherFor = (origin: URL, verified: boolean): Dispatcher => {
    const key = `${origin.origin} ${verified}`
    const dispatcher = dispatchers.get(key) ?? createDispatcher(origin, verified)
    dispatchers.set(key, dispatcher)
    return dispatcher
  }

  return {
    send: async ({ method, url, headers, body, verified }) => {
      const response = await api.request.call(dispatcherFor(url, verified), {
        origin: url.origin,
        path: url.pathname + url.search,
        method,
        headers: { 'user-agent': settings.userAgent, ...headers },
        body: (body ?? null) as Dispatcher.DispatchOptions['body'] & null,
      })
      return { status: response.statusCode, headers: response.headers, body: response.body }
    },
    close: async () => {
      await Promise.all([...dispatchers.values()].map((dispatcher) => dispatcher.destroy()))
      dispatchers.clear()
    },
  }
}
