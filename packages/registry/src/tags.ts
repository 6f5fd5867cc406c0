// Lists the tags of a repository, page by page.
import { isStoreError, isTag, manifestSizeLimit, StoreError } from '@polyarch/oci'
import { readPages } from './pages.ts'
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
  let isFirst = true
  try {
    const pages = readPages(host, {
      method: 'GET',
      repository,
      target: 'tags/list',
      scopes: [readScope(repository)],
      accept: [200],
      notFound: 'NAME_UNKNOWN',
      bodyLimit: manifestSizeLimit,
    })
    for await (const { bytes } of pages) {
      isFirst = false
      for (const tag of parseTags(bytes, `${host.name}/${repository}`)) tags.push(tag)
    }
  } catch (error) {
    if (isStoreError(error, 'NAME_UNKNOWN', 'MANIFEST_UNKNOWN') && isFirst) return []
    throw error
  }
  return tags
}
