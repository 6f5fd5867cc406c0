// platforms: auto: what all base images of a target have in common.
import { type ContentLocation, inputFailure, parseFamiliarReference } from '@polyarch/oci'
import type { BuildFacts } from './build-facts.ts'

/** Two platforms that a base which follows the target differs between, and one that stays the same does not. */
const probes = ['linux/amd64', 'linux/s390x'] as const

interface Base {
  readonly reference: string
  readonly line: number
}

/** The base images that are pulled for the target's platform, whatever it is. */
const followingBases = (facts: BuildFacts): Base[] => {
  const [one, other] = probes.map((platform) =>
    facts.sources(platform, 'linux/riscv64').filter(({ use }) => use === 'base'),
  )
  return (one ?? []).flatMap((source, position): Base[] => {
    const twin = other?.[position]
    const { reference, line, missing } = source
    const where = `${facts.build.dockerfile}:${line}`
    if (source.platform !== probes[0] || twin?.platform !== probes[1]) return []
    if (missing.length > 0)
      throw inputFailure(
        `platforms: auto: ${where} is built from "${reference}", where ${missing.join(' and ')} has no value`,
      )
    if (reference !== twin.reference)
      throw inputFailure(`platforms: auto: ${where} is built from another image on each platform: list the platforms`)
    return [{ reference, line }]
  })
}

export interface AutoPlatforms {
  readonly platforms: readonly string[]
  /** What each base image has, for the log. */
  readonly reasons: readonly string[]
}

/**
 * The platforms that all base images have in common, in the order of the first.
 * @throws {Failure} input, where there are none or nothing says which.
 * @throws {StoreError} for a base image that cannot be looked up.
 */
export const findAutoPlatforms = async (
  facts: BuildFacts,
  platformsOf: (reference: string, location: ContentLocation) => Promise<readonly string[]>,
): Promise<AutoPlatforms> => {
  const bases = [...new Map(followingBases(facts).map((base) => [base.reference, base])).values()]
  if (bases.length === 0)
    throw inputFailure('platforms: auto: it is built from no base image that could say which: list the platforms')
  const offers = await Promise.all(
    bases.map(async ({ reference, line }) => {
      const { tag = 'latest', digest, ...repository } = parseFamiliarReference(reference)
      const location: ContentLocation = {
        store: { kind: 'registry', repository },
        ...(digest === undefined ? { tag } : { digest }),
      }
      return { reference, line, platforms: await platformsOf(reference, location) }
    }),
  )
  const [first, ...others] = offers
  const platforms = (first?.platforms ?? []).filter((platform) =>
    others.every((offer) => offer.platforms.includes(platform)),
  )
  const reasons = offers.map(
    ({ reference, line, platforms: offered }) =>
      `${facts.build.dockerfile}:${line} ${reference} has ${offered.join(', ')}`,
  )
  if (platforms.length === 0)
    throw inputFailure(`platforms: auto: the base images have no platform in common: ${reasons.join('; ')}`)
  return { platforms, reasons }
}
