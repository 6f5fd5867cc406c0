// Platforms: os/architecture[/variant], written and compared as containerd does.
import { inputFailure } from './failure.ts'

/** The platform of an image, in the terms of an index entry (image-spec image-index.md). */
export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string
  readonly 'os.version'?: string
  readonly 'os.features'?: readonly string[]
}

/** Maps, not objects: what is looked up in them may be any text, "constructor" too. */
const architectureAliases = new Map<string, readonly [architecture: string, variant?: string]>([
  ['i386', ['386']],
  ['i686', ['386']],
  ['x86_64', ['amd64']],
  ['x86-64', ['amd64']],
  ['aarch64', ['arm64']],
  ['armhf', ['arm', 'v7']],
  ['armv7l', ['arm', 'v7']],
  ['armv6l', ['arm', 'v6']],
  ['armel', ['arm', 'v6']],
  ['ppc64el', ['ppc64le']],
  ['loongarch64', ['loong64']],
  ['mips64el', ['mips64le']],
])

const operatingSystemAliases = new Map([['macos', 'darwin']])

/** The pairs that a Go toolchain and so an image can be built for (`go tool dist list`). */
const knownArchitectures = new Map<string, readonly string[]>(
  Object.entries({
    linux: [
      '386',
      'amd64',
      'arm',
      'arm64',
      'loong64',
      'mips',
      'mips64',
      'mips64le',
      'mipsle',
      'ppc64le',
      'riscv64',
      's390x',
    ],
    windows: ['386', 'amd64', 'arm64'],
    darwin: ['amd64', 'arm64'],
    freebsd: ['386', 'amd64', 'arm', 'arm64', 'riscv64'],
    netbsd: ['386', 'amd64', 'arm', 'arm64'],
    openbsd: ['386', 'amd64', 'arm', 'arm64', 'riscv64'],
    wasip1: ['wasm'],
  }),
)

const variantsOf = new Map<string, readonly string[]>(
  Object.entries({
    arm: ['v5', 'v6', 'v7', 'v8'],
    arm64: [
      'v8',
      'v8.0',
      'v8.1',
      'v8.2',
      'v8.3',
      'v8.4',
      'v8.5',
      'v8.6',
      'v8.7',
      'v8.8',
      'v8.9',
      'v9',
      'v9.0',
      'v9.1',
      'v9.2',
      'v9.3',
      'v9.4',
      'v9.5',
    ],
    amd64: ['v1', 'v2', 'v3', 'v4'],
  }),
)

/** The variants that say the same as another one, or as none: what containerd's normalizeArch makes of them. */
const variantAliases = new Map([
  ['amd64/v1', ''],
  ['arm/', 'v7'],
  ['arm64/v8', ''],
  ['arm64/v8.0', ''],
  ['arm64/v9.0', 'v9'],
])

/** What the platform names, with aliases resolved; the variant is empty where none is named. */
const resolveAliases = (platform: Platform): Required<Pick<Platform, 'os' | 'architecture' | 'variant'>> => {
  const os = platform.os.toLowerCase()
  const named = platform.architecture.toLowerCase()
  const [architecture, namedVariant] = architectureAliases.get(named) ?? [named]
  const variant = (namedVariant ?? platform.variant ?? '').toLowerCase().replace(/^(?=\d)/, 'v')
  return { os: operatingSystemAliases.get(os) ?? os, architecture, variant }
}

/** The platform with aliases resolved and the default variant dropped, or added for 32-bit arm. */
export const normalisePlatform = (platform: Platform): Platform => {
  const { os, architecture, variant: named } = resolveAliases(platform)
  const variant = variantAliases.get(`${architecture}/${named}`) ?? named
  const { variant: _, ...rest } = platform
  return { ...rest, os, architecture, ...(variant === '' ? {} : { variant }) }
}

/**
 * The platform that an image states, completed where it is silent by what an index lists it for, normalised; undefined
 * where the two contradict each other.
 * Another os.version is no contradiction: the image's own is the one that Windows holds against the host when a
 * container starts, while an index may still list last month's revision. The same goes for os.features.
 */
export const completePlatform = (stated: Platform, listed: Platform): Platform | undefined => {
  const [own, other] = [resolveAliases(stated), resolveAliases(listed)]
  if (own.os !== other.os || own.architecture !== other.architecture) return undefined
  const completed = normalisePlatform({ ...own, variant: own.variant || other.variant })
  if (other.variant !== '' && normalisePlatform(other).variant !== completed.variant) return undefined
  const version = stated['os.version'] || (listed['os.version'] ?? stated['os.version'])
  const features = stated['os.features']?.length
    ? stated['os.features']
    : (listed['os.features'] ?? stated['os.features'])
  return {
    ...completed,
    ...(version === undefined ? {} : { 'os.version': version }),
    ...(features === undefined ? {} : { 'os.features': features }),
  }
}

/** Whether images of this platform can exist: a known os, architecture and variant. */
export const isKnownPlatform = (platform: Platform): boolean => {
  const { os, architecture, variant } = normalisePlatform(platform)
  if (knownArchitectures.get(os)?.includes(architecture) !== true) return false
  return variant === undefined || (variantsOf.get(architecture)?.includes(variant) ?? false)
}

/** How many letters have to be added, removed, replaced or swapped with their neighbour to make one text the other. */
const editDistance = (left: string, right: string): number => {
  let before: number[] = []
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 1; i <= left.length; i++) {
    const next = [i]
    for (let j = 1; j <= right.length; j++) {
      const substitution = row[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1)
      const swapped = i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1]
      const swap = swapped ? before[j - 2]! + 1 : Number.POSITIVE_INFINITY
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, substitution, swap))
    }
    before = row
    row = next
  }
  return row[right.length]!
}

/** The known platform whose text is nearest to the given one: what a typing error most likely meant. */
export const nearestPlatform = (text: string): string => {
  const known = [...knownArchitectures].flatMap(([os, architectures]) =>
    architectures.flatMap((architecture) => [
      `${os}/${architecture}`,
      ...(variantsOf.get(architecture) ?? []).map((variant) => `${os}/${architecture}/${variant}`),
    ]),
  )
  const scored = known.map((candidate) => ({
    candidate,
    distance: editDistance(text.slice(0, 64).toLowerCase(), candidate),
  }))
  return scored.reduce((best, next) => (next.distance < best.distance ? next : best)).candidate
}

/**
 * The platform that `os/architecture[/variant]` names, normalised.
 * @throws {Failure} input, naming the nearest known platform when there is no such one.
 */
export const parsePlatform = (text: string): Platform => {
  const [os, architecture, variant, ...rest] = text.trim().split('/')
  if (os && architecture && rest.length === 0 && variant !== '') {
    const platform = normalisePlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) })
    if (isKnownPlatform(platform)) return platform
  }
  throw inputFailure(`unknown platform "${text}": did you mean ${nearestPlatform(text)}?`)
}

/** `os/architecture[/variant]`, normalised: the one text form of a platform in documents, inputs and logs. */
export const formatPlatform = (platform: Platform): string => {
  const { os, architecture, variant } = normalisePlatform(platform)
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join('/')
}

/** `os-architecture[-variant]`: the form for file names, leg ids and job names. */
export const platformSlug = (platform: Platform): string => formatPlatform(platform).replaceAll('/', '-')

/** Whether both name the same platform once normalised; os.version counts only where both have one. */
export const samePlatform = (left: Platform, right: Platform): boolean =>
  formatPlatform(left) === formatPlatform(right) &&
  (left['os.version'] === undefined || right['os.version'] === undefined || left['os.version'] === right['os.version'])
