// The index that is written: its children in order, its media type, its bytes.
import { buildIndex, type Descriptor, inputFailure, type ManifestContent, mediaTypes } from '@polyarch/oci'

export type MediaTypeChoice = 'auto' | 'oci' | 'docker'

/**
 * The media type for an index over these children: docker's list where all of them are docker's and nothing needs OCI.
 * @throws {Failure} input, where a docker list is asked for and cannot hold what there is.
 */
export const chooseMediaType = (
  choice: MediaTypeChoice,
  children: readonly Descriptor[],
  annotations: Readonly<Record<string, string>>,
): string => {
  const foreign = children.find((child) => child.mediaType !== mediaTypes.dockerManifest)
  const annotated = Object.keys(annotations).length > 0
  const described = children.find((child) => child.annotations !== undefined || child.artifactType !== undefined)
  const needsOci = foreign !== undefined || annotated || described !== undefined
  if (choice === 'oci') return mediaTypes.ociIndex
  if (choice === 'auto') return needsOci ? mediaTypes.ociIndex : mediaTypes.dockerList
  if (foreign !== undefined)
    throw inputFailure(
      `input media-type: a docker list cannot hold ${foreign.digest}, which is ${foreign.mediaType}: use oci`,
    )
  if (annotated) throw inputFailure('input media-type: a docker list has no annotations: use oci, or leave them out')
  if (described !== undefined)
    throw inputFailure(
      `input media-type: a docker list has no annotations or artifact types, and the entry of ${described.digest} has: use oci`,
    )
  return mediaTypes.dockerList
}

/** The index over images and attestations: images first, in the order given. Equal input gives equal bytes. */
export const composeIndex = (
  images: readonly Descriptor[],
  attestations: readonly Descriptor[],
  options: { readonly mediaType: MediaTypeChoice; readonly annotations: Readonly<Record<string, string>> },
): ManifestContent => {
  const children = [...images, ...attestations]
  const mediaType = chooseMediaType(options.mediaType, children, options.annotations)
  return buildIndex(children, { mediaType, annotations: options.annotations })
}
