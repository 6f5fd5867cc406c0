// What is pushed where, with and without a plan.
import { sealPlan } from '@polyarch/documents'
import { describe, expect, test } from 'vitest'
import { anchorOf, mountSources, planPush } from './plan.ts'

type PlanInputs = Parameters<typeof planPush>[1]

const plan = sealPlan({
  source: { repository: null, revision: null, created: null },
  images: [
    {
      id: 'web',
      repositories: ['localhost:5000/web', 'localhost:5000/mirror/web', 'registry.example/web'],
      tags: ['latest'],
      platforms: ['linux/arm64'],
      labels: {},
      annotations: {},
      build: null,
      prebuilt: {},
      needs: [],
    },
  ],
  legs: [{ id: 'web.linux-arm64', image: 'web', platform: 'linux/arm64', engine: 'kaniko', runner: 'x', native: true }],
  skipped: [],
})
const inputs = (changes: Partial<PlanInputs> = {}): PlanInputs => ({
  leg: undefined,
  repository: [],
  platform: undefined,
  engine: undefined,
  'mount-from': [],
  anchor: undefined,
  ...changes,
})
const refusal = (message: RegExp) => expect.objectContaining({ kind: 'input', message: expect.stringMatching(message) })

describe('with a plan', () => {
  test('the leg says everything', () => {
    expect(planPush(plan, inputs({ leg: 'web.linux-arm64', engine: 'kaniko@1.28.3' }))).toEqual({
      plan: plan.id,
      leg: 'web.linux-arm64',
      image: 'web',
      platform: { os: 'linux', architecture: 'arm64' },
      repositories: plan.images[0]?.repositories,
      mountFrom: [],
      engine: { name: 'kaniko', version: '1.28.3' },
      name: 'web.linux-arm64',
    })
  })

  test('inputs may say the same in other words', () => {
    const same = inputs({ leg: 'web.linux-arm64', platform: 'linux/aarch64', repository: plan.images[0]!.repositories })
    expect(planPush(plan, same)).toEqual(planPush(plan, inputs({ leg: 'web.linux-arm64' })))
  })

  test.each<[Partial<PlanInputs>, RegExp]>([
    [{}, /input leg is required: plan \w+ has web\.linux-arm64/],
    [{ leg: 'web.linux-amd64' }, /leg "web\.linux-amd64" is not in plan/],
    [
      { leg: 'web.linux-arm64', platform: 'linux/amd64' },
      /input platform says linux\/amd64, but plan \w+ says linux\/arm64/,
    ],
    [{ leg: 'web.linux-arm64', repository: ['localhost:5000/web'] }, /input repository says localhost:5000\/web, but/],
    [{ leg: 'web.linux-arm64', engine: 'buildah@1.28' }, /input engine says buildah, but/],
  ])('%j is refused', (changes, message) => {
    expect(() => planPush(plan, inputs(changes))).toThrow(refusal(message))
  })
})

describe('without a plan', () => {
  const free = { repository: ['localhost:5000/acme/web'], platform: 'linux/arm/v7' }

  test('the image is known by its repository', () => {
    expect(planPush(undefined, inputs(free))).toMatchObject({
      plan: null,
      leg: null,
      image: 'web',
      name: 'web.linux-arm-v7',
    })
  })

  test.each<[Partial<PlanInputs>, RegExp]>([
    [{ repository: [] }, /input repository is required/],
    [{ platform: undefined }, /input platform is required/],
    [{ platform: 'linux/arm65' }, /input platform: unknown platform "linux\/arm65": did you mean linux\/arm64\?/],
    [{ repository: ['localhost:5000/web:latest'] }, /input repository: invalid store/],
    [
      { repository: ['localhost:5000/web', 'localhost:5000/web'] },
      /input repository: "localhost:5000\/web" is given twice/,
    ],
    [{ leg: 'web.linux-arm64' }, /input leg names a leg of a plan/],
    [{ engine: 'kaniko' }, /input engine: expected NAME@VERSION/],
    [{ engine: 'docker@20' }, /input engine: expected NAME@VERSION/],
    [{ 'mount-from': ['oci:elsewhere'] }, /input mount-from: "oci:elsewhere" is no repository/],
  ])('%j is refused', (changes, message) => {
    expect(() => planPush(undefined, inputs({ ...free, ...changes }))).toThrow(refusal(message))
  })
})

test('blobs are mounted from the first repository and those given, of the same registry only', () => {
  const mounting = inputs({ leg: 'web.linux-arm64', 'mount-from': ['localhost:5000/base', 'other.example/base'] })
  const push = planPush(plan, mounting)
  const names = (repository: string) => mountSources(push, repository).map(({ host, name }) => `${host}/${name}`)
  expect(names('localhost:5000/web')).toEqual(['localhost:5000/base'])
  expect(names('localhost:5000/mirror/web')).toEqual(['localhost:5000/web', 'localhost:5000/base'])
  expect(names('registry.example/web')).toEqual([])
  expect(names('oci:elsewhere')).toEqual([])
})

test('an anchor is told by its manifest, and there is none unless it is wanted', () => {
  const manifest = {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: `sha256:${'ab'.repeat(32)}`,
    size: 1,
  } as const
  const leg = { leg: 'web.linux-arm64' }
  expect(anchorOf(planPush(plan, inputs(leg)), manifest)).toBeUndefined()
  expect(anchorOf(planPush(plan, inputs({ ...leg, anchor: 'kept-{leg}-{digest}' })), manifest)).toBe(
    'kept-web.linux-arm64-abababababab',
  )
})
