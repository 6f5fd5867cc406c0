// Looks up what a registry or layout has behind a reference: which platforms, under which digests.
import {
  type ContentLocation,
  type Descriptor,
  type Digest,
  formatPlatform,
  formatStoreLocation,
  isAttestation,
  isIndexType,
  isKnownPlatform,
  parseImageConfig,
  parseIndex,
  parseManifest,
  platformOf,
  type Store,
  type StoreLocation,
} from '@polyarch/oci'

export interface FoundImage {
  /** Whether it is an index; else it is one image, for the one platform of its config. */
  readonly index: boolean
  readonly platforms: readonly string[]
  /** Whether its config has ONBUILD triggers; of an index nobody looked. */
  readonly onbuild: boolean
  /** The digest of each platform's manifest; the first, where an index has several for one. */
  readonly digests: ReadonlyMap<string, Digest>
}

interface OpenStores {
  open(location: StoreLocation): Store
}

const readBlob = async (store: Store, descriptor: Descriptor): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of store.getBlob(descriptor)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const hasTriggers = (config: unknown): boolean => {
  const triggers = (config as { readonly config?: { readonly OnBuild?: unknown } | null }).config?.OnBuild
  return Array.isArray(triggers) && triggers.length > 0
}

const readIndex = (bytes: Uint8Array): FoundImage => {
  const digests = new Map<string, Digest>()
  for (const descriptor of parseIndex(bytes).manifests) {
    const { platform } = descriptor
    if (platform === undefined || isAttestation(descriptor) || !isKnownPlatform(platform)) continue
    const name = formatPlatform(platform)
    if (!digests.has(name)) digests.set(name, descriptor.digest)
  }
  return { index: true, platforms: [...digests.keys()], digests, onbuild: false }
}

const readImage = async (store: Store, bytes: Uint8Array, digest: Digest): Promise<FoundImage> => {
  const config = parseImageConfig(await readBlob(store, parseManifest(bytes).config))
  const platform = formatPlatform(platformOf(config))
  return { index: false, platforms: [platform], digests: new Map([[platform, digest]]), onbuild: hasTriggers(config) }
}

/**
 * Looks images up, each once. What fails is the store's own error.
 * @throws {StoreError} MANIFEST_UNKNOWN or NAME_UNKNOWN when there is no such image.
 */
export const openImageLookup = (stores: OpenStores) => {
  const found = new Map<string, Promise<FoundImage>>()
  const look = async ({ store: location, tag, digest }: ContentLocation): Promise<FoundImage> => {
    const store = stores.open(location)
    const { bytes, descriptor } = await store.getManifest(digest ?? tag ?? 'latest')
    return isIndexType(descriptor.mediaType) ? readIndex(bytes) : await readImage(store, bytes, descriptor.digest)
  }
  return (location: ContentLocation): Promise<FoundImage> => {
    const key = JSON.stringify([formatStoreLocation(location.store), location.tag, location.digest])
    const known = found.get(key) ?? look(location)
    found.set(key, known)
    return known
  }
}

export type LookUpImage = ReturnType<typeof openImageLookup>
