// Lists the tags of a repository, page by page.
import { isStoreError, isTag, manifestSizeLimit, StoreError } from '@polyarch/oci'
import { headerOf } from './errors.ts'
import { parseNextLink } from './link.ts'
import { resolveLocation } from './location.ts'
import { mostPages } from './referrers.ts'
import { type RegistryHost, readScope } from './registry-host.ts'

const parseTags = (bytes: Uint8Array, place: string): string[] => {
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    throw new StoreError('UNKNOWN', `${place}: the list of tags is not JSON`, { cause })
  }
  const tags: unknown = typeof json === 'object' && json !== null && 'tags' in json ? json.tags : undefined
  // A repository whose last tag went away has `null` here.
  return Array.isArray(tags) ? tags.filter((tag) => typeof tag === 'string' && isTag(tag)) : []
}

/** All tags in the registry's order; none for a repository that does not exist yet. */
export const listTags = async (host: RegistryHost, repository: string): Promise<string[]> => {
  const tags: string[] = []
  const seen = new Set<string>()
  let target: string | URL | undefined = 'tags/list'
  while (target !== undefined) {
    try {
      const response = await host.call({
        method: 'GET',
        repository,
        target,
        scopes: [readScope(repository)],
        accept: [200],
        notFound: 'NAME_UNKNOWN',
        bodyLimit: manifestSizeLimit,
      })
      tags.push(...parseTags(response.bytes, `${host.name}/${repository}`))
      const next = parseNextLink(headerOf(response, 'link'))
      if (next === undefined || seen.has(next) || seen.size >= mostPages) return tags
      seen.add(next)
      target = resolveLocation(next, { method: 'GET', url: response.url }, host.isInsecure)
    } catch (error) {
      if (isStoreError(error, 'NAME_UNKNOWN', 'MANIFEST_UNKNOWN') && seen.size === 0) return []
      throw error
    }
  }
  return tags
}
