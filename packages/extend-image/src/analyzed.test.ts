// analyzed.toml: what is read of it, and that a new image leaves every other byte as it was.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseAnalyzed, referenceOf, replaceImage } from './analyzed.ts'

const old = `registry.example/run@sha256:${'1'.repeat(64)}`
const next = `registry.example/extended@sha256:${'2'.repeat(64)}`

const written = `# by the restorer
[image]
  reference = "registry.example/app@sha256:aa"   # the previous image

[build-image]
  reference = "registry.example/build@sha256:bb"

[metadata]
  [[metadata.app]]
    sha = "sha256:cc"
  [metadata.run-image]
    reference = "not this one"
    extend = true

[run-image]
  reference = "${old}" # pinned
  image     = 'registry.example/run:latest'
  extend = true
  unknown = [ 1,
    2 ]
  [run-image.target]
    os = "linux"
    arch = "arm64"
    arch-variant = "v8"
`

describe('a new run image', () => {
  test('changes two values of the file and nothing else', () => {
    const edited = replaceImage(written, 'run', next, 'analyzed.toml')
    const lines = written.split('\n')
    const changed = edited
      .split('\n')
      .flatMap((line, index) => (line === lines[index] ? [] : [`${lines[index]} -> ${line}`]))
    expect(changed).toEqual([
      `  reference = "${old}" # pinned ->   reference = "${next}" # pinned`,
      '  extend = true ->   extend = false',
    ])
  })

  test.each([
    [
      'an inline table',
      (image: string, extend: string) => `run-image = { reference = "${image}", extend = ${extend} }\n`,
    ],
    [
      'dotted keys',
      (image: string, extend: string) => `run-image.reference = "${image}"\r\nrun-image.extend = ${extend}\r\n`,
    ],
    ['quoted keys', (image: string, extend: string) => `["run-image"]\n"reference"="${image}"\n'extend'=${extend}`],
    [
      'a byte order mark',
      (image: string, extend: string) => `\u{FEFF}[run-image]\nreference = "${image}"\nextend = ${extend}\n`,
    ],
    [
      'other characters before it',
      (image: string, extend: string) => `a = "ä🚢"\n[run-image]\nreference = "${image}"\nextend = ${extend}\n`,
    ],
  ])('is written into %s', (_, write) => {
    const text = write(old, 'true')
    expect(replaceImage(text, 'run', next, 'analyzed.toml')).toBe(write(next, 'false'))
  })

  test('needs no extend where the file has none', () => {
    const text = `[run-image]\nreference = '${old}'\n`
    expect(replaceImage(text, 'run', next, 'analyzed.toml')).toBe(`[run-image]\nreference = "${next}"\n`)
  })

  test('stays one text, whatever is in it', () => {
    const edited = replaceImage(written, 'run', 'a"\n[evil]\nx = """', 'analyzed.toml')
    expect(referenceOf(parseAnalyzed(edited, 'analyzed.toml'), 'run')).toBe('a"\n[evil]\nx = """')
  })
})

test('for all files: two values change, and every other character stays', () => {
  const comment = fc.string({ unit: 'grapheme' }).map((text) => `# ${text.replace(/[\p{Cc}\p{Cs}]/gu, ' ')}`)
  const other = fc
    .tuple(fc.stringMatching(/^[a-z]{1,8}$/), fc.string({ unit: 'grapheme' }))
    .map(([key, value]) => `${key}-other = ${JSON.stringify(value.replace(/[\p{Cc}\p{Cs}]/gu, ''))}`)
  const lines = fc.array(fc.oneof(comment, fc.constant('')), { maxLength: 4 })
  fc.assert(
    fc.property(lines, other, lines, fc.constantFrom('\n', '\r\n'), (before, between, after, end) => {
      const write = (reference: string, extend: string): string =>
        [
          ...before,
          '[run-image]',
          `  reference = "${reference}" # x`,
          between,
          `extend = ${extend}`,
          ...after,
          '',
        ].join(end)
      expect(replaceImage(write(old, 'true'), 'run', next, 'analyzed.toml')).toBe(write(next, 'false'))
    }),
  )
})

test('the image is that of the kind', () => {
  const analyzed = parseAnalyzed(written, 'analyzed.toml')
  expect(referenceOf(analyzed, 'run')).toBe(old)
  expect(referenceOf(analyzed, 'build')).toBe('registry.example/build@sha256:bb')
  expect(analyzed['run-image']?.target).toEqual({ os: 'linux', arch: 'arm64', 'arch-variant': 'v8' })
  expect(referenceOf(parseAnalyzed('', 'analyzed.toml'), 'run')).toBe('')
})

test.each([
  ['[run-image', /^failed to initialize extender: failed to read analyzed file: analyzed\.toml:1:\d+: /],
  ['a = 1\na = 2', /analyzed file: analyzed\.toml:2:\d+: /],
  ['[run-image]\nreference = 1', /analyzed file: analyzed\.toml: run-image\.reference: .*string/],
  ['run-image = "x"', /analyzed file: analyzed\.toml: run-image: /],
  [`a = ${'['.repeat(100_000)}`, /analyzed file: analyzed\.toml:1:/],
  [`a = ${'[1, '.repeat(5000)}`, /analyzed file: analyzed\.toml:1:/],
])('a file like %.20s is refused with its place', (text, message) => {
  expect(() => parseAnalyzed(text, 'analyzed.toml')).toThrow(
    expect.objectContaining({ exitCode: 1, message: expect.stringMatching(message) }),
  )
})

test.each([
  '[__proto__]\nreference = "x"',
  '[constructor.prototype]\nreference = "x"',
  '__proto__ = { reference = "x" }',
])('keys like those of %s change no other object', (text) => {
  parseAnalyzed(text, 'analyzed.toml')
  replaceImage(`${text}\n[run-image]\nreference = "${old}"\n`, 'run', next, 'analyzed.toml')
  expect(({} as Record<string, unknown>)['reference']).toBeUndefined()
})
