// The same image by the OCI specification's media types: what it is made of stays as it is.
import { type Manifest, mediaTypes } from '@polyarch/oci'

/** Docker's names of layers and the specification's (image-spec media-types.md, "Compatibility Matrix"). */
const layerTypes: Readonly<Record<string, string>> = {
  'application/vnd.docker.image.rootfs.diff.tar': 'application/vnd.oci.image.layer.v1.tar',
  'application/vnd.docker.image.rootfs.diff.tar.gzip': 'application/vnd.oci.image.layer.v1.tar+gzip',
  'application/vnd.docker.image.rootfs.diff.tar.zstd': 'application/vnd.oci.image.layer.v1.tar+zstd',
  'application/vnd.docker.image.rootfs.foreign.diff.tar': 'application/vnd.oci.image.layer.nondistributable.v1.tar',
  'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip':
    'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
}

/** The manifest with the specification's media types; one that has them already is given back as it is. */
export const toOciManifest = (manifest: Manifest): Manifest =>
  manifest.mediaType === mediaTypes.ociManifest
    ? manifest
    : {
        ...manifest,
        mediaType: mediaTypes.ociManifest,
        config: { ...manifest.config, mediaType: mediaTypes.ociConfig },
        layers: manifest.layers.map((layer) => ({
          ...layer,
          mediaType: layerTypes[layer.mediaType] ?? layer.mediaType,
        })),
      }
