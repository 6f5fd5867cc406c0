// Anchor tags: they lead to a child until an index does, in registries that remove what no tag leads to.
import { type Digest, hexOf, inputFailure, isTag } from '@polyarch/oci'

/** The digits of a digest that stand in its anchor's name: a tag without them is nobody's anchor. */
const digitsOf = (digest: Digest): string => hexOf(digest).slice(0, 12)

/**
 * The anchor of a manifest, from a template with {digest} and, if wanted, {leg}.
 * @throws {Failure} input, where the template does not name the digest or gives no tag.
 */
export const anchorTag = (template: string, digest: Digest, leg: string): string => {
  const tag = template.replaceAll('{digest}', digitsOf(digest)).replaceAll('{leg}', leg)
  if (template.includes('{digest}') && isTag(tag)) return tag
  throw inputFailure(`input anchor: "${template}" gives no tag of its own to each image: as in polyarch-{leg}-{digest}`)
}

/** Whether the tag can be an anchor of the manifest: nothing else is removed after a merge, whatever a record says. */
export const isAnchorOf = (tag: string, digest: Digest): boolean => tag.includes(digitsOf(digest))
