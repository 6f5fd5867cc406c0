// A plan is sealed by its id: what was changed after planning is refused.
import { parsePlatform, platformSlug } from '@polyarch/oci'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson } from './canonical.ts'
import { requireExtension } from './extension.ts'
import { requireImage, requireLeg } from './lookup.ts'
import { type Leg, type Plan, type PlannedImage, planId, sealPlan, verifyPlan } from './plan.ts'

const image = (id: string, more: Partial<PlannedImage> = {}): PlannedImage => ({
  id,
  repositories: [`ghcr.io/acme/${id}`],
  tags: ['1.2.3', 'latest'],
  platforms: ['linux/amd64', 'linux/arm64'],
  labels: {},
  annotations: {},
  build: { context: id, dockerfile: `${id}/Dockerfile`, target: null, args: {}, remote: null },
  prebuilt: {},
  needs: [],
  ...more,
})

const legOf = (id: string, platform: string): Leg => ({
  id: `${id}.${platformSlug(parsePlatform(platform))}`,
  image: id,
  platform,
  engine: 'kaniko',
  runner: 'ubuntu-24.04',
  native: true,
})

const seal = (images: readonly PlannedImage[], legs?: readonly Leg[]): Plan =>
  sealPlan({
    source: { repository: 'https://github.com/acme/web', revision: 'a'.repeat(40), created: '2026-01-02T03:04:05Z' },
    images: [...images],
    legs: [...(legs ?? images.flatMap(({ id, platforms }) => platforms.map((platform) => legOf(id, platform))))],
    skipped: [],
  })

const refused = (message: string) =>
  expect.objectContaining({ kind: 'verification', message: expect.stringContaining(message) })

describe('a plan', () => {
  test('that was sealed is accepted, also after a way through JSON with its keys in another order', () => {
    const plan = seal([image('web'), image('api')])
    expect(verifyPlan(plan)).toBe(plan)
    const { legs, images, ...rest } = JSON.parse(JSON.stringify(plan)) as Plan
    expect(() => verifyPlan({ legs, images, ...rest })).not.toThrow()
  })

  test('has the same id for the same content, and another for any other', () => {
    expect(seal([image('web')]).id).toBe(seal([image('web')]).id)
    const ids = [
      seal([image('web')]),
      seal([image('web', { tags: ['latest', '1.2.3'] })]),
      seal([image('web', { labels: { a: 'b' } })]),
      seal([image('web'), image('api')]),
      seal([image('api'), image('web')]),
    ].map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
  })

  test.each<[string, (plan: Plan) => unknown]>([
    ['a tag', (plan) => ({ ...plan, images: [image('web', { tags: ['latest', 'stable'] })] })],
    ['a repository', (plan) => ({ ...plan, images: [image('web', { repositories: ['ghcr.io/evil/web'] })] })],
    ['a platform', (plan) => ({ ...plan, images: [image('web', { platforms: ['linux/amd64'] })] })],
    ['a leg', (plan) => ({ ...plan, legs: plan.legs.slice(1) })],
    ['a runner', (plan) => ({ ...plan, legs: plan.legs.map((leg) => ({ ...leg, runner: 'mine' })) })],
    ['the commit', (plan) => ({ ...plan, source: { ...plan.source, revision: 'b'.repeat(40) } })],
    ['what was skipped', (plan) => ({ ...plan, skipped: [{ image: 'docs', reason: 'no' }] })],
  ])('is refused when %s was changed after planning', (_, change) => {
    const changed = change(seal([image('web')])) as Plan
    expect(() => verifyPlan(changed)).toThrow(refused('it was changed after planning'))
  })

  test.each<[string, Plan]>([
    ['there is no leg for web linux/arm64', seal([image('web')], [legOf('web', 'linux/amd64')])],
    ['leg api.linux-amd64 is not one that its images need', seal([image('web')], [legOf('api', 'linux/amd64')])],
    [
      'leg web.linux-s390x is not one',
      seal([image('web')], [legOf('web', 'linux/amd64'), legOf('web', 'linux/arm64'), legOf('web', 'linux/s390x')]),
    ],
    ['two images with the id web', seal([image('web'), image('web', { platforms: ['linux/s390x'] })])],
    [
      'two legs with the id web.linux-amd64',
      seal([image('web')], [legOf('web', 'linux/amd64'), { ...legOf('web', 'linux/arm64'), id: 'web.linux-amd64' }]),
    ],
  ])('is refused even with a right id: %s', (message, plan) => {
    expect(planId(plan)).toBe(plan.id)
    expect(() => verifyPlan(plan)).toThrow(refused(message))
  })

  test('needs no leg for a platform that was built elsewhere', () => {
    const prebuilt = { 'linux/arm64': `ghcr.io/acme/web@sha256:${'0'.repeat(64)}` }
    expect(() => verifyPlan(seal([image('web', { prebuilt })], [legOf('web', 'linux/amd64')]))).not.toThrow()
    expect(() => verifyPlan(seal([image('web', { prebuilt })]))).toThrow(refused('web.linux-arm64 is not one'))
  })

  test('with nothing to build is a plan too', () => {
    expect(() => verifyPlan(seal([]))).not.toThrow()
  })
})

describe('a leg that extends a base image', () => {
  const extend = { kind: 'run', context: 'web', layers: 'layers/{{platform}}' } as const
  const plan = seal([image('web', { build: null, extend }), image('api')])

  test('knows the directory of its own platform', () => {
    expect(requireExtension(plan, requireLeg(plan, 'web.linux-arm64'))).toEqual({
      ...extend,
      layers: 'layers/linux-arm64',
    })
  })

  test('is told from one that builds a Dockerfile', () => {
    expect(() => requireExtension(plan, requireLeg(plan, 'api.linux-arm64'))).toThrow(
      expect.objectContaining({ kind: 'input', message: expect.stringContaining('image api has a Dockerfile') }),
    )
  })

  test('is part of the plan’s id', () => {
    const other = seal([image('web', { build: null, extend: { ...extend, kind: 'build' } }), image('api')])
    expect(other.id).not.toBe(plan.id)
  })
})

describe('what is looked up in a plan', () => {
  const plan = seal([image('web'), image('api')])
  test('is found by its id', () => {
    expect(requireImage(plan, 'api').id).toBe('api')
    expect(requireLeg(plan, 'web.linux-arm64').platform).toBe('linux/arm64')
  })
  test('or the ids that there are come back as an input error', () => {
    expect(() => requireImage(plan, 'wep')).toThrow(
      expect.objectContaining({ kind: 'input', message: `image "wep" is not in plan ${plan.id}; it has: web, api` }),
    )
    expect(() => requireLeg(seal([]), 'web.linux-amd64')).toThrow('it has: none')
  })
})

test('canonical JSON is the same for equal values, and still that value', () => {
  const reversed = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(reversed)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, entry]) => [key, reversed(entry)]),
    )
  }
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(canonicalJson(reversed(value))).toBe(canonicalJson(value))
      expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
  expect(canonicalJson({ b: 1, a: { d: undefined, c: [true, null, 'ü'] } })).toBe('{"a":{"c":[true,null,"ü"]},"b":1}')
})
