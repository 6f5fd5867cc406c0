// Builds the bytes of an index: the same children always give the same bytes.
import { digestOf } from './digest.ts'
import type { Descriptor, Index } from './manifest.ts'
import { mediaTypes } from './media-types.ts'

/** Bytes together with the descriptor that names them. */
export interface ManifestContent {
  readonly descriptor: Descriptor
  readonly bytes: Uint8Array
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
