// Which APIs are known, with the lifecycle's words and codes for the others.
import { expect, test } from 'vitest'
import { checkBuildpackApi, isAtLeast, requirePlatformApi } from './api-version.ts'

test.each([
  ['0.7', 7],
  ['0.12', 12],
  ['0.15', 15],
  ['v0.13', 13],
])('platform API %s is known', (text, minor) => {
  expect(requirePlatformApi(text)).toEqual({ major: 0, minor })
})

test.each([
  [
    undefined,
    "failed to get platform API version; please set 'CNB_PLATFORM_API' to specify the desired platform API version",
  ],
  [
    ' ',
    "failed to get platform API version; please set 'CNB_PLATFORM_API' to specify the desired platform API version",
  ],
  ['new', "failed to parse platform API 'new'"],
  ['0.6', "failed to set platform API: platform API version '0.6' is incompatible with the lifecycle"],
  ['0.16', "failed to set platform API: platform API version '0.16' is incompatible with the lifecycle"],
  ['1.12', "failed to set platform API: platform API version '1.12' is incompatible with the lifecycle"],
])('platform API %s is refused', (text, message) => {
  expect(() => requirePlatformApi(text)).toThrow(expect.objectContaining({ message, exitCode: 11 }))
})

test('a newer API has what an older one brought', () => {
  expect([12, 13, 14].map((minor) => isAtLeast({ major: 0, minor }, 13))).toEqual([false, true, true])
})

test.each([
  [
    '0.13',
    "failed to set API for Extension 'acme/tools@1.0': buildpack API version '0.13' is incompatible with the lifecycle",
  ],
  ['', "failed to parse buildpack API '' for extension 'acme/tools@1.0'"],
])('an extension of buildpack API "%s" is refused', (api, message) => {
  expect(() => checkBuildpackApi('acme/tools@1.0', api)).toThrow(expect.objectContaining({ message, exitCode: 12 }))
})
