// Looks up what a registry or layout has behind a reference: which platforms, under which digests.
import {
  type ContentLocation,
  type Digest,
  formatPlatform,
  formatStoreLocation,
  getImageConfig,
  isAttestation,
  isIndexType,
  isKnownPlatform,
  parseIndex,
  parseManifest,
  platformOf,
  type Store,
  type StoreLocation,
} from '@polyarch/oci'

/** One platform's image. */
export interface PlatformImage {
  readonly digest: Digest
  readonly 'os.version'?: string
}

export interface FoundImage {
  /** Whether it is an index; else it is one image, for the one platform of its config. */
  readonly index: boolean
  readonly platforms: readonly string[]
  /** Whether its config has ONBUILD triggers; an index has no config: its images are looked up by their digests. */
  readonly onbuild: boolean
  /** Each platform's images: several, where an index has them for more than one os.version. */
  readonly images: ReadonlyMap<string, readonly PlatformImage[]>
}

interface OpenStores {
  open(location: StoreLocation): Store
}

const hasTriggers = (config: unknown): boolean => {
  const triggers = (config as { readonly config?: { readonly OnBuild?: unknown } | null }).config?.OnBuild
  return Array.isArray(triggers) && triggers.length > 0
}

const readIndex = (bytes: Uint8Array): FoundImage => {
  const images = new Map<string, PlatformImage[]>()
  for (const descriptor of parseIndex(bytes).manifests) {
    const { platform, digest } = descriptor
    if (platform === undefined || isAttestation(descriptor) || !isKnownPlatform(platform)) continue
    const name = formatPlatform(platform)
    const version = platform['os.version']
    const others = (images.get(name) ?? []).filter((other) => other.digest !== digest)
    images.set(name, [...others, { digest, ...(version === undefined ? {} : { 'os.version': version }) }])
  }
  return { index: true, platforms: [...images.keys()], images, onbuild: false }
}

const readImage = async (store: Store, bytes: Uint8Array, digest: Digest): Promise<FoundImage> => {
  const config = await getImageConfig(store, parseManifest(bytes).config)
  const platform = formatPlatform(platformOf(config))
  return {
    index: false,
    platforms: [platform],
    images: new Map([[platform, [{ digest }]]]),
    onbuild: hasTriggers(config),
  }
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
