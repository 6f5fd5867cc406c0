// Builds the bytes of an index: the same children always give the same bytes.
import { digestOf } from './digest.ts'
import {
  attestationAnnotation,
  attestedDigestAnnotation,
  type Descriptor,
  type Index,
  isAttestation,
} from './manifest.ts'
import { mediaTypes } from './media-types.ts'

/** Bytes together with the descriptor that names them. */
export interface ManifestContent {
  readonly descriptor: Descriptor
  readonly bytes: Uint8Array
}

/**
 * Where an entry's manifest lay under which name, which is wrong wherever else it goes: a layout's tag (image-spec
 * annotations.md: only valid in index.json), the name that BuildKit and `ctr images export` write for `docker load`, and
 * the repositories that containerd pulled it from.
 */
const isPlaceAnnotation = (key: string): boolean =>
  key === 'org.opencontainers.image.ref.name' ||
  key === 'io.containerd.image.name' ||
  key.startsWith('containerd.io/distribution.source.')

/** What makes an entry an attestation: on an image's entry it would tie the image to an index that is taken apart. */
const attestationAnnotations: readonly string[] = [attestationAnnotation, attestedDigestAnnotation]

/** What an image's manifest says itself: kaniko and crane write its config's media type into its entry. */
const imageConfigTypes: readonly string[] = [mediaTypes.ociConfig, mediaTypes.dockerConfig]

/**
 * An index entry as it may go into another index: its annotations and artifactType go along, except those that hold
 * only where it was. `urls` and `data` stay behind for the same reason; the platform is the reader's to decide.
 */
export const portableEntry = (entry: Descriptor): Descriptor => {
  const { mediaType, digest, size, artifactType } = entry
  const annotations = Object.entries(entry.annotations ?? {}).filter(
    ([key]) => !isPlaceAnnotation(key) && (isAttestation(entry) || !attestationAnnotations.includes(key)),
  )
  return {
    mediaType,
    digest,
    size,
    ...(annotations.length === 0 ? {} : { annotations: Object.fromEntries(annotations) }),
    ...(artifactType === undefined || imageConfigTypes.includes(artifactType) ? {} : { artifactType }),
  }
}

const sortKeys = (value: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0)))

const encodeChild = (child: Descriptor): Descriptor => ({
  mediaType: child.mediaType,
  digest: child.digest,
  size: child.size,
  ...(child.annotations && Object.keys(child.annotations).length > 0
    ? { annotations: sortKeys(child.annotations) }
    : {}),
  ...(child.artifactType === undefined ? {} : { artifactType: child.artifactType }),
  ...(child.platform === undefined
    ? {}
    : {
        platform: {
          architecture: child.platform.architecture,
          os: child.platform.os,
          ...(child.platform['os.version'] === undefined ? {} : { 'os.version': child.platform['os.version'] }),
          ...(child.platform['os.features'] === undefined ? {} : { 'os.features': child.platform['os.features'] }),
          ...(child.platform.variant === undefined ? {} : { variant: child.platform.variant }),
        },
      }),
})

/**
 * The index over the children in the order given, as bytes with their descriptor.
 * Keys are written in one fixed order and annotations sorted, so equal input gives equal bytes.
 */
export const buildIndex = (
  children: readonly Descriptor[],
  options: { readonly mediaType?: string; readonly annotations?: Readonly<Record<string, string>> } = {},
): ManifestContent => {
  const mediaType = options.mediaType ?? mediaTypes.ociIndex
  const annotations = options.annotations ?? {}
  const index: Index = {
    schemaVersion: 2,
    mediaType,
    manifests: children.map(encodeChild),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations: sortKeys(annotations) }),
  }
  const bytes = new TextEncoder().encode(JSON.stringify(index, null, 2))
  return { bytes, descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length } }
}
