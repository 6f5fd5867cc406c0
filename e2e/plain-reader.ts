// Reads a registry with nothing but fetch and a hash: a judge that shares no code with Polyarch.
import { createHash } from 'node:crypto'

interface Entry {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly platform?: { readonly os: string; readonly architecture: string }
}

interface Document {
  readonly mediaType: string
  readonly manifests?: readonly Entry[]
  readonly config?: Entry
  readonly layers?: readonly Entry[]
}

const accept = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

const fetchBytes = async (url: string): Promise<Buffer> => {
  const answer = await fetch(url, { headers: { accept } })
  const bytes = Buffer.from(await answer.arrayBuffer())
  if (answer.status !== 200) throw new Error(`GET ${url}: ${answer.status}`)
  return bytes
}

/** The digest behind each tag of the repository; nothing where there is no repository. */
export const readTags = async (host: string, name: string): Promise<Readonly<Record<string, string>>> => {
  const answer = await fetch(`http://${host}/v2/${name}/tags/list`)
  if (answer.status === 404) {
    await answer.body?.cancel()
    return {}
  }
  const { tags } = (await answer.json()) as { readonly tags: readonly string[] | null }
  const digests = await Promise.all(
    (tags ?? []).map(
      async (tag) => [tag, digestOf(await fetchBytes(`http://${host}/v2/${name}/manifests/${tag}`))] as const,
    ),
  )
  return Object.fromEntries(digests)
}

/**
 * Reads the manifest and every byte below it, and gives the platforms of its children.
 * @throws where anything is missing or is not what its digest and size say.
 */
export const readWhole = async (host: string, name: string, digest: string): Promise<readonly string[]> => {
  const readEntry = async (kind: 'blobs' | 'manifests', entry: Pick<Entry, 'digest' | 'size'>): Promise<Buffer> => {
    const bytes = await fetchBytes(`http://${host}/v2/${name}/${kind}/${entry.digest}`)
    if (digestOf(bytes) !== entry.digest || bytes.length !== entry.size)
      throw new Error(`${name}@${entry.digest} is damaged: ${bytes.length} bytes, ${digestOf(bytes)}`)
    return bytes
  }
  const top = await fetchBytes(`http://${host}/v2/${name}/manifests/${digest}`)
  if (digestOf(top) !== digest) throw new Error(`${name}@${digest} is damaged: ${digestOf(top)}`)
  const { manifests = [] } = JSON.parse(String(top)) as Document
  for (const child of manifests) {
    const { config, layers = [] } = JSON.parse(String(await readEntry('manifests', child))) as Document
    for (const blob of [config, ...layers]) if (blob) await readEntry('blobs', blob)
  }
  return manifests.map(({ platform }) => `${platform?.os}/${platform?.architecture}`)
}
