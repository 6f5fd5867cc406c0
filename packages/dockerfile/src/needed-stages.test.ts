// What is left of a Dockerfile without the stages that its target does not need.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are Dockerfile variables
import { parsePlatform } from '@polyarch/oci'
import { expect, test } from 'vitest'
import { inspectDockerfile } from './inspection.ts'
import { emptyUnusedStages } from './needed-stages.ts'

const settings = (target: string | null, platform = 'linux/amd64') => ({
  target,
  platform: parsePlatform(platform),
  buildPlatform: parsePlatform('linux/amd64'),
  args: {},
})

test.each([
  [
    'an unused stage',
    null,
    'FROM a AS one\nRUN x \\\n  y\n# two\nFROM b\nCOPY x y\n',
    'FROM scratch AS one\n\n\n\nFROM b\nCOPY x y\n',
  ],
  [
    'stages after the target',
    'one',
    'ARG V\nFROM a AS one\nRUN x\nFROM b\nCOPY x y',
    'ARG V\nFROM a AS one\nRUN x\nFROM scratch\n',
  ],
  [
    'only what no number, name, mount or variable refers to',
    null,
    'FROM a\nRUN 0\nFROM b AS m-amd64\nFROM c AS m-arm64\nFROM d AS n\nFROM m-${TARGETARCH}\nCOPY --from=0 x y\nRUN --mount=from=n x',
    'FROM a\nRUN 0\nFROM b AS m-amd64\nFROM scratch AS m-arm64\nFROM d AS n\nFROM m-${TARGETARCH}\nCOPY --from=0 x y\nRUN --mount=from=n x',
  ],
  ['the heredocs of an unused stage', null, 'FROM a\nRUN <<EOF\nFROM x\nEOF\nFROM b\n', 'FROM scratch\n\n\n\nFROM b\n'],
])('empties %s', (_what, target, text, expected) => {
  expect(emptyUnusedStages(text, settings(target))).toBe(expected)
})

test('what a FROM reaches through a variable is inspected, and its other values are not', () => {
  const text = 'FROM a AS m-amd64\nADD --checksum=x y z\nFROM b AS m-arm64\nCOPY --link x y\nFROM m-${TARGETARCH}\n'
  const featuresOn = (platform: string) =>
    inspectDockerfile(text, settings(null, platform)).map(({ feature, line }) => `${line} ${feature}`)
  expect(featuresOn('linux/amd64')).toEqual(['2 add-checksum', '5 platform-args-global'])
  expect(featuresOn('linux/arm64')).toEqual(['4 copy-link', '5 platform-args-global'])
})
