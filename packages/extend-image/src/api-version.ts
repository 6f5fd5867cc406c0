// Versions of the platform API and the buildpack API, and which of them are known.
import { lifecycleFailure } from './lifecycle-failure.ts'

export interface ApiVersion {
  readonly major: number
  readonly minor: number
}

/** The platform APIs that lifecycle 0.21 has. */
const platformMinors = [7, 8, 9, 10, 11, 12, 13, 14, 15]
/** Its buildpack APIs. */
const buildpackMinors = [7, 8, 9, 10, 11, 12]

const parseVersion = (text: string): ApiVersion | undefined => {
  const [, major, minor] = /^v?(\d{1,9})\.?(\d{0,9})$/.exec(text) ?? []
  return major === undefined ? undefined : { major: Number(major), minor: Number(minor ?? '') }
}

const isOneOf = (version: ApiVersion, minors: readonly number[]): boolean =>
  version.major === 0 && minors.includes(version.minor)

/** Whether the version is 0.MINOR or newer. */
export const isAtLeast = ({ major, minor }: ApiVersion, since: number): boolean => major > 0 || minor >= since

/**
 * The platform API that CNB_PLATFORM_API asks for.
 * @throws {Failure} with the lifecycle's code 11, where it is missing, malformed or not known.
 */
export const requirePlatformApi = (text: string | undefined): ApiVersion => {
  if (text === undefined || text.trim() === '')
    throw lifecycleFailure(
      'platformApi',
      "failed to get platform API version; please set 'CNB_PLATFORM_API' to specify the desired platform API version",
    )
  const version = parseVersion(text)
  if (version === undefined) throw lifecycleFailure('platformApi', `failed to parse platform API '${text}'`)
  if (isOneOf(version, platformMinors)) return version
  throw lifecycleFailure(
    'platformApi',
    `failed to set platform API: platform API version '${text}' is incompatible with the lifecycle`,
  )
}

/**
 * Checks the buildpack API of an extension; `extension` is ID@VERSION.
 * @throws {Failure} with the lifecycle's code 12, where it is malformed or not known.
 */
export const checkBuildpackApi = (extension: string, api: string): void => {
  const version = parseVersion(api)
  if (version === undefined)
    throw lifecycleFailure('buildpackApi', `failed to parse buildpack API '${api}' for extension '${extension}'`)
  if (isOneOf(version, buildpackMinors)) return
  throw lifecycleFailure(
    'buildpackApi',
    `failed to set API for Extension '${extension}': buildpack API version '${api}' is incompatible with the lifecycle`,
  )
}
