// Media types of manifests, indexes, configs and layers (image-spec media-types.md, distribution's docker schema 2).

export const mediaTypes = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  ociEmpty: 'application/vnd.oci.empty.v1+json',
} as const

/** Every manifest type that Polyarch reads, as an Accept header wants them. */
export const manifestTypes: readonly string[] = [
  mediaTypes.ociIndex,
  mediaTypes.ociManifest,
  mediaTypes.dockerList,
  mediaTypes.dockerManifest,
]

export const isIndexType = (mediaType: string): boolean =>
  mediaType === mediaTypes.ociIndex || mediaType === mediaTypes.dockerList

export const isImageManifestType = (mediaType: string): boolean =>
  mediaType === mediaTypes.ociManifest || mediaType === mediaTypes.dockerManifest

export const isManifestType = (mediaType: string): boolean => manifestTypes.includes(mediaType)

/** Layers that a registry must not be asked for: they live at the `urls` of their descriptor (foreign layers). */
export const isNonDistributable = (mediaType: string): boolean =>
  mediaType.includes('.nondistributable.') || mediaType.includes('.rootfs.foreign.')
