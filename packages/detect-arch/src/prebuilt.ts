// Platforms that are built elsewhere: each is looked up, held against its platform, and pinned by digest.

import { formatStoreLocation, isStoreError, parseContentLocation } from '@polyarch/oci'
import type { LookUpImage } from '@polyarch/stores'
import type { ImageRequest } from './image-request.ts'
import type { Problem } from './problem.ts'

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
        const { digests, platforms } = await lookUp(location)
        const digest = digests.get(platform)
        if (digest === undefined) return complain(`${reference} is for ${platforms.join(', ') || 'no platform'}`)
        return [[platform, `${formatStoreLocation(location.store)}@${digest}`]]
      } catch (error) {
        if (!isStoreError(error, 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN')) throw error
        return complain(`there is no ${reference}`)
      }
    }),
  )
  return Object.fromEntries(resolved.flat())
}
