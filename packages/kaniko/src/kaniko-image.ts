// The image that an executor comes from, as the input kaniko-image names it.
import { Failure, inputFailure, parseFamiliarReference, type Reference } from '@polyarch/oci'

/** The reference of the image. @throws {Failure} input, when it is none. */
export const parseKanikoImage = (image: string): Reference => {
  try {
    return parseFamiliarReference(image)
  } catch (error) {
    if (error instanceof Failure) throw inputFailure(`input kaniko-image: ${error.message}`, { cause: error })
    throw error
  }
}
