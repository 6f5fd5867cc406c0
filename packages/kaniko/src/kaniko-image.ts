// The image that an executor comes from, as the input kaniko-image names it.
import { parseInput } from '@polyarch/ci-host'
import { parseFamiliarReference, type Reference } from '@polyarch/oci'

/** The reference of the image. @throws {Failure} input, when it is none. */
export const parseKanikoImage = (image: string): Reference => parseInput('kaniko-image', image, parseFamiliarReference)
