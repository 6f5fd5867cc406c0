// The build arguments that BuildKit sets by itself (https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope).
import { formatPlatform, normalisePlatform, type Platform } from '@polyarch/oci'

const prefixed = (prefix: 'BUILD' | 'TARGET', platform: Platform): Record<string, string> => {
  const { os, architecture, variant } = normalisePlatform(platform)
  return {
    [`${prefix}PLATFORM`]: formatPlatform(platform),
    [`${prefix}OS`]: os,
    [`${prefix}ARCH`]: architecture,
    [`${prefix}VARIANT`]: variant ?? '',
  }
}

/** BUILDPLATFORM, TARGETPLATFORM and their parts. */
export const automaticArgs = (build: Platform, target: Platform): Record<string, string> => ({
  ...prefixed('BUILD', build),
  ...prefixed('TARGET', target),
})

/** Whether BuildKit sets the argument where nobody does. */
export const isAutomaticArg = (name: string): boolean => /^(?:BUILD|TARGET)(?:PLATFORM|OS|ARCH|VARIANT)$/.test(name)
