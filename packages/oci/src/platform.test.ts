// Platforms, normalised as containerd does; what is unknown is refused with the nearest known one.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  completePlatform,
  formatPlatform,
  isKnownPlatform,
  nearestPlatform,
  normalisePlatform,
  parsePlatform,
  platformSlug,
  samePlatform,
} from './index.ts'

describe('a platform is normalised', () => {
  test.each([
    ['linux/amd64', 'linux/amd64'],
    ['linux/x86_64', 'linux/amd64'],
    ['linux/x86-64', 'linux/amd64'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['linux/amd64/v2', 'linux/amd64/v2'],
    ['linux/arm64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm64/8', 'linux/arm64'],
    ['linux/arm64/v8.0', 'linux/arm64'],
    ['linux/arm64/v9', 'linux/arm64/v9'],
    ['linux/arm64/v9.0', 'linux/arm64/v9'],
    ['linux/arm64/9', 'linux/arm64/v9'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/arm/7', 'linux/arm/v7'],
    ['linux/arm/6', 'linux/arm/v6'],
    ['linux/arm/v5', 'linux/arm/v5'],
    ['linux/arm/v8', 'linux/arm/v8'],
    ['linux/armhf', 'linux/arm/v7'],
    ['linux/armhf/v6', 'linux/arm/v7'],
    ['linux/armel', 'linux/arm/v6'],
    ['linux/i386', 'linux/386'],
    ['linux/386', 'linux/386'],
    ['linux/riscv64', 'linux/riscv64'],
    ['linux/ppc64le', 'linux/ppc64le'],
    ['linux/ppc64el', 'linux/ppc64le'],
    ['linux/s390x', 'linux/s390x'],
    ['linux/loong64', 'linux/loong64'],
    ['linux/mips64le', 'linux/mips64le'],
    ['windows/amd64', 'windows/amd64'],
    ['macos/aarch64', 'darwin/arm64'],
    ['Linux/ARM64/V8', 'linux/arm64'],
    [' linux/amd64 ', 'linux/amd64'],
  ])('%s is %s', (written, normal) => {
    expect(formatPlatform(parsePlatform(written))).toBe(normal)
  })

  test('and keeps what windows adds', () => {
    const windows = { os: 'Windows', architecture: 'x86_64', 'os.version': '10.0.17763.1', 'os.features': ['win32k'] }
    expect(normalisePlatform(windows)).toEqual({ ...windows, os: 'windows', architecture: 'amd64' })
  })
})

describe('an unknown platform is refused', () => {
  test.each([
    ['linux/arm46', 'linux/arm64'],
    ['linux/amd', 'linux/amd64'],
    ['linxu/amd64', 'linux/amd64'],
    ['windows/arm46', 'windows/arm64'],
    ['linux/arm64/v88', 'linux/arm64/v8'],
    ['linux/riscv', 'linux/riscv64'],
    ['amd64', 'linux/amd64'],
    ['linux', 'linux/386'],
    ['linux/s390x/v1', 'linux/s390x'],
  ])('%s: did you mean %s?', (written, nearest) => {
    expect(() => parsePlatform(written)).toThrow(
      expect.objectContaining({ kind: 'input', message: `unknown platform "${written}": did you mean ${nearest}?` }),
    )
  })

  test.each(['', '/', 'linux/', '/amd64', 'linux/amd64/', 'linux//amd64', 'linux/arm/v7/x', 'linux/amd64,linux/arm64'])(
    '%j is none',
    (written) => {
      expect(() => parsePlatform(written)).toThrow(expect.objectContaining({ kind: 'input' }))
    },
  )

  test.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])('%s is no part of one', (name) => {
    expect(() => parsePlatform(`${name}/amd64`)).toThrow('unknown platform')
    expect(() => parsePlatform(`linux/${name}`)).toThrow('unknown platform')
    expect(() => parsePlatform(`linux/amd64/${name}`)).toThrow('unknown platform')
    expect(normalisePlatform({ os: name, architecture: name }).os).toBe(name.toLowerCase())
  })
})

describe('two platforms are the same', () => {
  const windows = (version?: string) => ({
    os: 'windows',
    architecture: 'amd64',
    ...(version === undefined ? {} : { 'os.version': version }),
  })
  test('however they are written', () => {
    expect(
      samePlatform({ os: 'linux', architecture: 'aarch64' }, { os: 'linux', architecture: 'arm64', variant: 'v8' }),
    ).toBe(true)
    expect(
      samePlatform({ os: 'linux', architecture: 'arm' }, { os: 'linux', architecture: 'arm', variant: 'v6' }),
    ).toBe(false)
  })
  test('unless both name another version of windows', () => {
    expect(samePlatform(windows('10.0.17763.1'), windows('10.0.20348.1'))).toBe(false)
    expect(samePlatform(windows('10.0.17763.1'), windows())).toBe(true)
  })
})

describe('what an index lists an image for completes what the image states', () => {
  const [linux, windows] = [
    (architecture: string, variant?: string) => ({ os: 'linux', architecture, ...(variant && { variant }) }),
    (more: object = {}) => ({ os: 'windows', architecture: 'amd64', ...more }),
  ]
  test.each([
    ['a variant', linux('arm'), linux('arm', 'v6'), linux('arm', 'v6')],
    ['a variant by an alias', linux('arm'), linux('armel'), linux('arm', 'v6')],
    ['an empty variant', { ...linux('amd64'), variant: '' }, linux('amd64', 'v3'), linux('amd64', 'v3')],
    ['nothing, where the index says nothing', linux('arm', 'v6'), linux('arm'), linux('arm', 'v6')],
    ['nothing, where both say nothing', linux('arm'), linux('arm'), linux('arm', 'v7')],
    ['nothing, where both say the same in other words', linux('arm64'), linux('aarch64', '8'), linux('arm64')],
    [
      'os.version and os.features',
      windows({ 'os.features': [] }),
      windows({ 'os.version': '10.0.1', 'os.features': ['win32k'] }),
      windows({ 'os.version': '10.0.1', 'os.features': ['win32k'] }),
    ],
    [
      'no os.version and os.features that the image states',
      windows({ 'os.version': '10.0.2', 'os.features': ['a'] }),
      windows({ 'os.version': '10.0.1', 'os.features': ['b'] }),
      windows({ 'os.version': '10.0.2', 'os.features': ['a'] }),
    ],
  ])('by %s', (_, stated, listed, expected) => {
    expect(completePlatform(stated, listed)).toEqual(expected)
  })

  test.each([
    ['os', windows(), linux('amd64')],
    ['architecture', linux('amd64'), linux('arm64')],
    ['variant', linux('arm', 'v7'), linux('arm', 'v6')],
    ['variant by an alias', linux('armhf'), linux('armel')],
    ['variant, where one is the default', linux('arm64', 'v8'), linux('arm64', 'v9')],
  ])('unless they contradict each other: %s', (_, stated, listed) => {
    expect(completePlatform(stated, listed)).toBeUndefined()
  })
})

describe('for all platforms', () => {
  const anyKnown = fc
    .tuple(
      fc.constantFrom('linux', 'windows', 'darwin', 'macos', 'freebsd', 'netbsd', 'openbsd', 'wasip1'),
      fc.constantFrom(
        '386',
        'amd64',
        'arm',
        'arm64',
        'x86_64',
        'aarch64',
        'armhf',
        'armel',
        'riscv64',
        'ppc64le',
        's390x',
        'loong64',
        'wasm',
      ),
      fc.constantFrom(undefined, '', 'v1', 'v3', 'v5', 'v6', 'v7', 'v8', '8', 'v8.2', 'v9', 'v9.0'),
    )
    .map(([os, architecture, variant]) => ({ os, architecture, ...(variant === undefined ? {} : { variant }) }))
    .filter(isKnownPlatform)

  test('the text form is read back as it was, and names one place', () => {
    fc.assert(
      fc.property(anyKnown, (platform) => {
        const text = formatPlatform(platform)
        expect(formatPlatform(parsePlatform(text))).toBe(text)
        expect(samePlatform(parsePlatform(text), platform)).toBe(true)
        expect(nearestPlatform(text)).toBe(text)
        expect(platformSlug(platform)).toBe(text.replaceAll('/', '-'))
      }),
    )
  })

  test('normalising twice changes nothing more, whatever the parts are', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.option(fc.string(), { nil: undefined }), (os, architecture, variant) => {
        const once = normalisePlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) })
        expect(normalisePlatform(once)).toEqual(once)
      }),
    )
  })
})
