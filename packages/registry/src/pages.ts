// Listings in pages: tags and referrers, one page after the other by their Link headers.
import { StoreError } from '@polyarch/oci'
import { headerOf } from './errors.ts'
import type { ReadResponse } from './exchange.ts'
import { parseNextLink } from './link.ts'
import { resolveLocation } from './location.ts'
import type { HostRequest, RegistryHost } from './registry-host.ts'

/** A server that never ends is stopped: this many pages, or bytes of them. */
const mostPages = 1000
const mostBytes = 32 * 1024 * 1024

/**
 * The pages of a listing, each as its answer. A page that was read already ends it.
 * @throws {StoreError} UNKNOWN where there are more of them than any listing has.
 */
export const readPages = async function* (host: RegistryHost, request: HostRequest): AsyncGenerator<ReadResponse> {
  const seen = new Set<string>()
  let target: string | URL | undefined = request.target
  let bytes = 0
  for (let pages = 1; target !== undefined; pages += 1) {
    const page: ReadResponse = await host.call({ ...request, target })
    yield page
    bytes += page.bytes.length
    seen.add(page.url.href)
    const link = parseNextLink(headerOf(page, 'link'))
    if (link === undefined) return
    const next = resolveLocation(link, { method: 'GET', url: page.url }, host.isInsecure)
    target = seen.has(next.href) ? undefined : next
    seen.add(next.href)
    if (target !== undefined && (pages >= mostPages || bytes > mostBytes))
      throw new StoreError(
        'UNKNOWN',
        `${host.name}/${request.repository}: the listing does not end: given up after ${pages} pages with ${bytes} bytes`,
      )
  }
}
