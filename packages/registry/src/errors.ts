// From answers and broken connections to StoreErrors: the spec's codes, redacted URLs, texts fit for a log.
import { type Digest, isDigest, StoreError, type StoreErrorCode } from '@polyarch/oci'
import { explainTrouble } from './connection-trouble.ts'
import { isTransientStatus, parseRetryAfter } from './retry.ts'

/** The most of an error's body that is read. */
export const errorBodyLimit = 64 * 1024

/** What was asked: for error messages. */
export interface Question {
  readonly method: string
  readonly url: URL
}

interface RefusalFacts {
  readonly status?: number | undefined
  readonly missing?: readonly Digest[]
  readonly transient: boolean
  /** Milliseconds. */
  readonly retryAfter?: number | undefined
  readonly cause?: unknown
}

/** A StoreError that still knows whether the request may be sent again. */
export class Refusal extends StoreError {
  readonly reason: string
  readonly question: Question
  readonly transient: boolean
  readonly retryAfter: number | undefined

  constructor(code: StoreErrorCode, reason: string, question: Question, facts: RefusalFacts) {
    super(code, reason, {
      cause: facts.cause,
      missing: facts.missing ?? [],
      request: {
        method: question.method,
        url: redactUrl(question.url),
        ...(facts.status === undefined ? {} : { status: facts.status }),
      },
    })
    this.reason = reason
    this.question = question
    this.transient = facts.transient
    this.retryAfter = facts.retryAfter
  }

  /** The same refusal, final, with more said about it. */
  withNote(note: string): Refusal {
    return new Refusal(this.code, `${this.reason} (${note})`, this.question, {
      status: this.request?.status,
      missing: this.missing,
      transient: false,
      cause: this,
    })
  }
}

const publicParameters: ReadonlySet<string> = new Set(['digest', 'mount', 'from', 'n', 'last', 'service', 'scope'])

/** The most of a URL that is shown: a server may send one that fills the log. */
const longestShownUrl = 1_000

/** As it stands in a URL, but with the signs of digests, names and scopes as they are. */
const encodeParameter = (text: string): string =>
  encodeURIComponent(text).replaceAll('%3A', ':').replaceAll('%2F', '/').replaceAll('%2C', ',')

/** The URL without userinfo and fragment; of its query only the values that the distribution spec defines. */
export const redactUrl = (url: URL): string => {
  const query = [...url.searchParams].map(
    ([name, value]) => `${encodeParameter(name)}=${publicParameters.has(name) ? encodeParameter(value) : '…'}`,
  )
  const shown = `${url.origin}${url.pathname}${query.length === 0 ? '' : `?${query.join('&')}`}`
  return shown.length > longestShownUrl ? `${shown.slice(0, longestShownUrl)}…` : shown
}

/** The most characters of a server's text that are looked at: it may have sent a MiB, and one line is shown. */
const mostCleaned = 8 * 1024

/** A server's text as one line: no control characters that could forge log lines or commands, at most 400 characters. */
export const cleanText = (text: string): string => {
  const line = text
    .slice(0, mostCleaned)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .replaceAll('::', ': :')
    .trim()
  return line.length > 400 ? `${line.slice(0, 400)}…` : line
}

const specCodes: ReadonlySet<string> = new Set<StoreErrorCode>([
  'BLOB_UNKNOWN',
  'BLOB_UPLOAD_INVALID',
  'BLOB_UPLOAD_UNKNOWN',
  'DIGEST_INVALID',
  'MANIFEST_BLOB_UNKNOWN',
  'MANIFEST_INVALID',
  'MANIFEST_UNKNOWN',
  'NAME_INVALID',
  'NAME_UNKNOWN',
  'SIZE_INVALID',
  'TAG_INVALID',
  'UNAUTHORIZED',
  'DENIED',
  'UNSUPPORTED',
  'TOOMANYREQUESTS',
])

const isSpecCode = (text: unknown): text is StoreErrorCode => typeof text === 'string' && specCodes.has(text)

interface WireError {
  readonly code?: unknown
  readonly message?: unknown
  readonly detail?: unknown
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const parseWireErrors = (text: string): readonly WireError[] => {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    // Proxies and gateways answer in HTML or plain text: the caller shows it as it is.
    return []
  }
  if (!isRecord(json)) return []
  return Array.isArray(json['errors']) ? json['errors'].filter(isRecord) : []
}

const digestPattern = /sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})/g

/** Registries nest a detail once or twice. */
const deepestDetail = 8

const digestsIn = (detail: unknown, depth = 0): Digest[] => {
  if (typeof detail === 'string') return Array.from(detail.matchAll(digestPattern), ([text]) => text).filter(isDigest)
  if (!isRecord(detail) || depth === deepestDetail) return []
  return Object.entries(detail).flatMap(([key, value]) => (/digest/i.test(key) ? digestsIn(value, depth + 1) : []))
}

const codeOfStatus = (status: number, notFound: StoreErrorCode): StoreErrorCode => {
  switch (status) {
    case 401:
      return 'UNAUTHORIZED'
    case 403:
      return 'DENIED'
    case 404:
      return notFound
    case 405:
    case 501:
      return 'UNSUPPORTED'
    case 416:
      return 'BLOB_UPLOAD_INVALID'
    case 429:
      return 'TOOMANYREQUESTS'
    default:
      return 'UNKNOWN'
  }
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** The value of a header that may appear once. */
export const headerOf = (answer: Pick<Answer, 'headers'>, name: string): string | undefined => {
  const value = answer.headers[name]
  return Array.isArray(value) ? value[0] : value
}

const reasonOf = (errors: readonly WireError[], text: string, question: Question, answer: Answer): string => {
  if (errors.length > 0) {
    const first = errors
      .slice(0, 3)
      .map(({ code, message, detail }) =>
        [
          ...(typeof code === 'string' && !isSpecCode(code) ? [code] : []),
          ...(typeof message === 'string' ? [message] : []),
          ...(typeof detail === 'string' ? [`(${detail})`] : []),
        ].join(' '),
      )
    return cleanText(first.join('; ') + (errors.length > 3 ? ` and ${errors.length - 3} more` : ''))
  }
  if (question.method === 'HEAD') return 'an answer to HEAD gives no reason'
  const shown = text.slice(0, mostCleaned)
  // What lies between tags has no further "<": looked for again from each of them, a page of them would take minutes.
  const plain = headerOf(answer, 'content-type')?.includes('html') ? shown.replace(/<[^<>]*(?:>|$)/g, ' ') : shown
  return cleanText(plain.replace(/\s+/g, ' ')) || 'no reason given'
}

/** The refusal that an answer means. `notFound` is what 404 stands for where the body does not say. */
export const refusalOf = (
  question: Question,
  answer: Answer,
  body: Uint8Array,
  notFound: StoreErrorCode,
  now: number,
): Refusal => {
  const text = new TextDecoder().decode(body)
  const errors = parseWireErrors(text)
  const codes = errors.map((error) => error.code).filter(isSpecCode)
  const code = codes.includes('MANIFEST_BLOB_UNKNOWN')
    ? 'MANIFEST_BLOB_UNKNOWN'
    : (codes[0] ?? codeOfStatus(answer.status, notFound))
  const details = errors.length > 0 ? errors.flatMap(({ detail }) => digestsIn(detail)) : []
  const missing = code === 'MANIFEST_BLOB_UNKNOWN' ? [...new Set(details)] : []
  return new Refusal(code, reasonOf(errors, text, question, answer), question, {
    status: answer.status,
    missing,
    // What is missing does not come by waiting; distribution 2.8 names it with a 500 where a foreign layer is among it.
    transient: missing.length === 0 && (isTransientStatus(answer.status) || code === 'TOOMANYREQUESTS'),
    retryAfter: parseRetryAfter(headerOf(answer, 'retry-after'), now),
  })
}

/** The refusal that a request without a whole answer means. */
export const troubleOf = (question: Question, error: unknown): Refusal => {
  const { reason, said, transient } = explainTrouble(question.url.host, error)
  return new Refusal('UNREACHABLE', said === undefined ? reason : `${reason}: ${cleanText(said)}`, question, {
    transient,
    cause: error,
  })
}
