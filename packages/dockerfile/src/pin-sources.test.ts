// Pinning the images that a Dockerfile is built from.
import { parsePlatform } from '@polyarch/oci'
import { expect, test } from 'vitest'
import { pinSources } from './pin-sources.ts'

const digest = `sha256:${'a'.repeat(64)}`

const pin = (text: string, target: string | null = null): string =>
  pinSources(
    text,
    { target, platform: parsePlatform('linux/arm64'), buildPlatform: parsePlatform('linux/amd64'), args: { TAG: '1' } },
    (reference) => (reference === 'ghcr.io/acme/base:1' ? `ghcr.io/acme/base@${digest}` : undefined),
  )

test('a FROM is pinned, with its flags, its stage name and its line ends kept', () => {
  expect(pin('FROM --platform=linux/amd64 ghcr.io/acme/base:1 AS build\r\nRUN true\r\n')).toBe(
    `FROM --platform=linux/amd64 ghcr.io/acme/base@${digest} AS build\r\nRUN true\r\n`,
  )
})

test('variables in the reference are what the build gives them', () => {
  expect(pin('ARG TAG\nFROM ghcr.io/acme/base:$TAG\n')).toBe(`ARG TAG\nFROM ghcr.io/acme/base@${digest}\n`)
})

test('a continued FROM is pinned on the line where the image stands', () => {
  expect(pin('FROM \\\n  ghcr.io/acme/base:1 \\\n  AS build\n')).toBe(
    `FROM \\\n  ghcr.io/acme/base@${digest} \\\n  AS build\n`,
  )
})

test('COPY --from and RUN --mount=from that name the image are pinned too', () => {
  expect(
    pin('FROM scratch\nCOPY --from=ghcr.io/acme/base:1 /a /a\nRUN --mount=from=ghcr.io/acme/base:1,target=/b true\n'),
  ).toBe(
    `FROM scratch\nCOPY --from=ghcr.io/acme/base@${digest} /a /a\nRUN --mount=from=ghcr.io/acme/base@${digest},target=/b true\n`,
  )
})

test('other images, comments, and stages that the target does not reach stay as they are', () => {
  const text = '# ghcr.io/acme/base:1\nFROM ghcr.io/acme/base:1 AS other\nFROM ghcr.io/acme/base:10 AS last\n'
  expect(pin(text, 'last')).toBe(text)
})
