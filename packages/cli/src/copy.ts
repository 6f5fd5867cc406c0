// polyarch copy: content from one store to another, with everything that it names.
import { boolean, defineStep, list, parseInput, text } from '@polyarch/ci-host'
import {
  attestedDigestAnnotation,
  buildIndex,
  type ContentLocation,
  copyManifest,
  copyReferrers,
  type Descriptor,
  formatPlatform,
  formatStoreLocation,
  inputFailure,
  isAttestation,
  isIndexType,
  isStoreError,
  type ManifestContent,
  mountable,
  parseContentLocation,
  parseIndex,
  parsePlatform,
  parseStoreLocation,
  type StoreReader,
  subjectsOf,
  verificationFailure,
} from '@polyarch/oci'
import { openStores, storeInputs } from '@polyarch/stores'
import { z } from 'zod'

const inputs = z.object({
  source: text('What to copy: HOST/NAME:TAG, HOST/NAME@DIGEST, oci:DIR:TAG or oci:DIR@DIGEST', { required: true }),
  destination: text('Where to: a store, with :TAG to tag it there', { required: true }),
  platforms: list('Of an index, only these platforms'),
  referrers: boolean('Also copy what refers to it: signatures, SBOMs', true),
  ...storeInputs,
})

const outputs = z.object({
  digest: z.string().describe('The digest of what was copied'),
  'media-type': z.string().describe('Its media type'),
  size: z.number().describe('The size of its manifest in bytes'),
  'uploaded-bytes': z.number().describe('How many bytes of blobs had to be sent'),
})

/** A destination names a tag or digest in a store, or the store alone. */
const parseDestination = (destination: string): ContentLocation => {
  const namesContent = /[:@][^/]*$/.test(destination.trim().replace(/^oci:/, ''))
  return namesContent ? parseContentLocation(destination) : { store: parseStoreLocation(destination) }
}

/** The entries of an index for the platforms, with the attestations of those; exactly these, or a refusal. */
const selectPlatforms = (content: ManifestContent, platforms: readonly string[], source: string): Descriptor[] => {
  const { manifests } = parseIndex(content.bytes)
  const wanted = new Set(platforms.map((platform) => formatPlatform(parseInput('platforms', platform, parsePlatform))))
  const images = manifests.filter(
    (entry) => entry.platform && !isAttestation(entry) && wanted.has(formatPlatform(entry.platform)),
  )
  const found = new Set(images.map((entry) => formatPlatform(entry.platform!)))
  for (const platform of wanted)
    if (!found.has(platform)) throw inputFailure(`input platforms: ${source} has no ${platform}`)
  const digests = new Set<string>(images.map((entry) => entry.digest))
  return manifests.filter(
    (entry) => digests.has(entry.digest) || digests.has(entry.annotations?.[attestedDigestAnnotation] ?? ''),
  )
}

const getSource = async (
  store: StoreReader,
  { tag, digest }: ContentLocation,
  source: string,
): Promise<ManifestContent> => {
  try {
    return await store.getManifest(digest ?? tag ?? '')
  } catch (cause) {
    if (!isStoreError(cause, 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN')) throw cause
    throw inputFailure(`input source: there is no ${source}`, { cause })
  }
}

/** Copies content between stores; a digest stays what it is unless platforms are chosen out of an index. */
export const step = defineStep({
  name: 'copy',
  title: 'Polyarch: copy an image',
  description: 'Copies an image or index between registries and OCI layouts, blobs before manifests, tag last.',
  inputs,
  outputs,
  run: async (values, host) => {
    const from = parseInput('source', values.source, parseContentLocation)
    const to = parseInput('destination', values.destination, parseDestination)
    await using stores = await openStores(values, host)
    const source = stores.open(from.store)
    const destination = stores.open(to.store, 'write')
    const whole = await getSource(source, from, values.source)
    let content = whole
    let copied: Descriptor[] = [whole.descriptor]
    if (values.platforms.length > 0) {
      if (!isIndexType(whole.descriptor.mediaType))
        throw inputFailure(`input platforms: ${values.source} is one image, not an index to choose from`)
      copied = selectPlatforms(whole, values.platforms, values.source)
      const { annotations } = parseIndex(whole.bytes)
      content = buildIndex(copied, { mediaType: whole.descriptor.mediaType, ...(annotations ? { annotations } : {}) })
    }
    const { digest } = content.descriptor
    if (to.digest !== undefined && to.digest !== digest)
      throw verificationFailure(
        `input destination: what is copied from ${values.source} is ${digest}, not ${to.digest}`,
      )
    const heldBy = mountable(from.store, to.store)
    let uploadedBytes = 0
    for (const descriptor of copied) {
      const result = await copyManifest(source, destination, descriptor, { heldBy })
      uploadedBytes += result.uploadedBytes
    }
    if (values.referrers) {
      const subjects = await Promise.all(copied.map((descriptor) => subjectsOf(source, descriptor)))
      await copyReferrers(
        source,
        destination,
        subjects.flatMap((digests) => [...digests]),
        { heldBy, onSkipped: (line) => host.log.warning(line) },
      )
    }
    if (content !== whole || to.tag !== undefined) await destination.pushManifest(content, to.tag)
    host.log.info(
      `copied ${values.source} to ${formatStoreLocation(to.store)}${to.tag === undefined ? '' : `:${to.tag}`}@${digest}`,
    )
    return {
      digest,
      'media-type': content.descriptor.mediaType,
      size: content.descriptor.size,
      'uploaded-bytes': uploadedBytes,
    }
  },
})
