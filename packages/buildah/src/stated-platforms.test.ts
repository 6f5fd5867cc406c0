// Where a platform is written into a Dockerfile for buildah.
import { parsePlatform } from '@polyarch/oci'
import { expect, test } from 'vitest'
import { statePlatforms } from './stated-platforms.ts'

const state = (text: string): string => statePlatforms(text, parsePlatform('linux/arm64'))

test('a file that states no platform stays as it is', () => {
  const text = 'FROM a AS b\nFROM b\n'
  expect(state(text)).toBe(text)
})

test('every image without a platform gets the one that is built for', () => {
  expect(
    state(
      '# FROM x\nFROM --platform=$BUILDPLATFORM go AS tool\nFROM tool AS more\nfrom \\\n  a AS b\r\nFROM scratch\n',
    ),
  ).toBe(
    '# FROM x\nFROM --platform=$BUILDPLATFORM go AS tool\nFROM tool AS more\nfrom --platform=linux/arm64 \\\n  a AS b\r\nFROM scratch\n',
  )
})
