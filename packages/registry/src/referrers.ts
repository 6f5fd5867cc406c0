// Which manifests have another as their subject: the referrers API, or the tag that stands in for it.
import {
  algorithmOf,
  buildIndex,
  type Descriptor,
  type Digest,
  hexOf,
  isStoreError,
  type ManifestContent,
  manifestSizeLimit,
  mediaTypes,
  parseIndex,
} from '@polyarch/oci'
import { headerOf, Refusal } from './errors.ts'
import { readPages } from './pages.ts'
import { type RegistryHost, readScope } from './registry-host.ts'

/** The tag below which referrers are listed where the API is missing (distribution-spec, referrers tag schema). */
const fallbackTagOf = (digest: Digest): string =>
  `${algorithmOf(digest)}-${hexOf(digest)}`.slice(0, 'sha512-'.length + 64)

/** The referrers that the API names, or undefined where the registry has no such API; what is denied does not tell. */
export const listByApi = async (
  host: RegistryHost,
  repository: string,
  digest: Digest,
): Promise<Descriptor[] | undefined> => {
  const found: Descriptor[] = []
  try {
    const pages = readPages(host, {
      method: 'GET',
      repository,
      target: `referrers/${digest}`,
      scopes: [readScope(repository)],
      headers: { accept: mediaTypes.ociIndex },
      accept: [200],
      notFound: 'UNSUPPORTED',
      bodyLimit: manifestSizeLimit,
    })
    for await (const page of pages) {
      // Some registries answer 200 with their own web page.
      if (!headerOf(page, 'content-type')?.startsWith(mediaTypes.ociIndex)) return undefined
      for (const referrer of parseIndex(page.bytes).manifests) found.push(referrer)
    }
  } catch (error) {
    if (error instanceof Refusal && [400, 404, 405, 501].includes(error.request?.status ?? 0)) return undefined
    throw error
  }
  return found
}

/** How the fallback tag is read and written. */
export interface FallbackTag {
  get(tag: string): Promise<ManifestContent>
  push(content: ManifestContent, tag: string): Promise<void>
}

/** The referrers below the fallback tag; none where there is no such tag. */
export const listByTag = async (store: Pick<FallbackTag, 'get'>, digest: Digest): Promise<readonly Descriptor[]> => {
  try {
    return parseIndex((await store.get(fallbackTagOf(digest))).bytes).manifests
  } catch (error) {
    if (isStoreError(error, 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN')) return []
    throw error
  }
}

/** Adds the referrer to the fallback tag of its subject, which is the client's work where the registry has no API. */
export const addByTag = async (store: FallbackTag, subject: Digest, referrer: Descriptor): Promise<void> => {
  const present = await listByTag(store, subject)
  if (present.some(({ digest }) => digest === referrer.digest)) return
  await store.push(buildIndex([...present, referrer]), fallbackTagOf(subject))
}
