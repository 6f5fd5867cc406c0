// Platforms that are built elsewhere: each is looked up, held against its platform, and pinned by digest.

import { formatStoreLocation, isStoreError, parseContentLocation } from '@polyarch/oci'
import type { LookUpImage, PlatformImage } from '@polyarch/stores'
import type { ImageRequest } from './image-request.ts'
import type { Problem } from './problem.ts'

const describeChoice = (reference: string, images: readonly PlatformImage[]): string => {
  const listed = images.map(
    ({ digest, 'os.version': version }) => `${digest}${version ? ` (os.version ${version})` : ''}`,
  )
  return `${reference} has ${images.length} images for it, name one by its digest: ${listed.join(', ')}`
}

/** The references by digest; what is not there or is of another platform is added to the problems. */
export const resolvePrebuilt = async (
  image: ImageRequest,
  lookUp: LookUpImage,
  problems: Problem[],
): Promise<Record<string, string>> => {
  const resolved = await Promise.all(
    Object.entries(image.prebuilt).map(async ([platform, reference]): Promise<[string, string][]> => {
      const complain = (message: string): [] => {
        const place = image.placeOf('prebuilt', platform)
        problems.push({ place, message: `${image.id}: prebuilt ${platform}: ${message}` })
        return []
      }
      const location = parseContentLocation(reference)
      try {
        const { images, platforms } = await lookUp(location)
        const [found, ...others] = images.get(platform) ?? []
        if (found === undefined) return complain(`${reference} is for ${platforms.join(', ') || 'no platform'}`)
        if (others.length > 0) return complain(describeChoice(reference, [found, ...others]))
        return [[platform, `${formatStoreLocation(location.store)}@${found.digest}`]]
      } catch (error) {
        if (!isStoreError(error, 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN')) throw error
        return complain(`there is no ${reference}`)
      }
    }),
  )
  return Object.fromEntries(resolved.flat())
}
