// Where Location headers lead: relative or absolute, never from TLS back to clear text; and which are followed.
import { isLoopback } from '@polyarch/oci'
import { cleanText, type Question, Refusal } from './errors.ts'
import type { Method } from './transport.ts'

/**
 * The URL that a Location header names, seen from the request that it answered.
 * A registry behind a TLS proxy often names itself with http: that is taken for its own https origin.
 * @throws {Refusal} UNKNOWN, where it is no URL, or would leave TLS for clear text.
 */
export const resolveLocation = (
  location: string | undefined,
  question: Question,
  isInsecure: (host: string) => boolean,
): URL => {
  const refuse = (why: string): never => {
    throw new Refusal('UNKNOWN', why, question, { transient: false })
  }
  if (location === undefined || location === '') return refuse('the answer has no Location header')
  const shown = cleanText(location.replace(/\?.*$/s, '')).slice(0, 200)
  if (!URL.canParse(location, question.url.href)) return refuse(`the Location "${shown}" is not a URL`)
  const target = new URL(location, question.url)
  if (target.protocol !== 'https:' && target.protocol !== 'http:')
    return refuse(`the Location "${shown}" leads to another protocol`)
  target.username = ''
  target.password = ''
  target.hash = ''
  if (target.protocol === 'http:' && question.url.protocol === 'https:') {
    if (target.hostname === question.url.hostname && (target.port === '' || target.port === question.url.port)) {
      target.protocol = 'https:'
      target.port = question.url.port
    } else if (!isLoopback(target.host) && !isInsecure(target.host))
      return refuse(
        `the Location "${shown}" leads from https to http: name ${target.host} in insecure-registries to allow it`,
      )
  }
  return target
}

/** Whether a request with this method is sent again to where the answer points. */
export const followsRedirect = (method: Method, status: number): boolean =>
  method === 'GET' || method === 'HEAD' ? [301, 302, 303, 307, 308].includes(status) : status === 307 || status === 308

const mostRedirects = 5

/** A request that is answered with a redirect. */
interface Redirected extends Question {
  readonly status: number
  /** Those that it followed before. */
  readonly redirects: number
  /** Whether it carries what no other origin may see. */
  readonly isSecret?: boolean
}

/**
 * Where a redirect leads.
 * @throws {Refusal} UNKNOWN, where that is no place to go, there were too many before, or it is not for the secret.
 */
export const resolveRedirect = (
  location: string,
  { method, url, status, redirects, isSecret = false }: Redirected,
  isInsecure: (host: string) => boolean,
): URL => {
  const refuse = (why: string) => new Refusal('UNKNOWN', why, { method, url }, { status, transient: false })
  if (redirects >= mostRedirects) throw refuse('it redirects again and again')
  const target = resolveLocation(location, { method, url }, isInsecure)
  if (isSecret && target.origin !== url.origin)
    throw refuse(`it redirects to ${target.origin}, which must not see the login`)
  return target
}
