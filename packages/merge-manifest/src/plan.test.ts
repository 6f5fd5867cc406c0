// Records held against what is wanted: exactly that, or every reason why not.
import { DigestRecord, sealPlan } from '@polyarch/documents'
import { digestOf, Failure } from '@polyarch/oci'
import { describe, expect, test } from 'vitest'
import { type FoundRecord, planMerge } from './plan.ts'
import { type MergeRequest, requestFromPlan } from './request.ts'

const digest = (text: string) => digestOf(new TextEncoder().encode(text))

const platforms = ['linux/amd64', 'linux/arm64', 'linux/s390x']
const image = (id: string, prebuilt: Record<string, string> = {}) => ({
  id,
  repositories: [`localhost:5000/${id}`, `localhost:5000/mirror/${id}`],
  tags: ['1.0', 'latest'],
  platforms,
  labels: {},
  annotations: {},
  build: null,
  prebuilt,
  needs: [],
})
const leg = (id: string, platform: string) => ({
  id: `${id}.${platform.replaceAll('/', '-')}`,
  image: id,
  platform,
  engine: 'kaniko' as const,
  runner: 'ubuntu-24.04',
  native: true,
})
const prebuilt = { 'linux/s390x': `localhost:5000/elsewhere@${digest('elsewhere')}` }
const plan = sealPlan({
  source: { repository: null, revision: null, created: null },
  images: [image('web', prebuilt), image('api')],
  legs: [
    ...platforms.slice(0, 2).map((platform) => leg('web', platform)),
    ...platforms.map((platform) => leg('api', platform)),
  ],
  skipped: [],
})
const inputs = {
  image: 'web',
  repository: [],
  platforms: [],
  tags: [],
  annotations: {},
  sources: [],
  'on-missing': 'fail',
  'required-platforms': [],
} as const
const request = (changes: Partial<MergeRequest> = {}): MergeRequest => ({
  ...requestFromPlan(plan, {
    ...inputs,
    repository: [],
    platforms: [],
    tags: [],
    sources: [],
    'required-platforms': [],
  }),
  ...changes,
})

const found = (platform: string, changes: Partial<DigestRecord> = {}): FoundRecord => {
  const record = DigestRecord.parse({
    schema: 'polyarch.digest/v1',
    plan: plan.id,
    leg: `web.${platform.replaceAll('/', '-')}`,
    image: 'web',
    platform,
    repository: 'localhost:5000/web',
    digest: digest(platform),
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    size: 500,
    configDigest: digest(`config ${platform}`),
    attestations: [],
    engine: null,
    run: null,
    ...changes,
  })
  return { record, place: `records/${record.leg ?? record.platform}.json` }
}
const amd64 = found('linux/amd64')
const arm64 = found('linux/arm64')

const refusal = (records: readonly FoundRecord[], changes?: Partial<MergeRequest>): string => {
  try {
    planMerge(request(changes), records)
  } catch (error) {
    expect(error).toBeInstanceOf(Failure)
    expect((error as Failure).kind).toBe('verification')
    return (error as Failure).message
  }
  throw new Error('the merge was not refused')
}

describe('records that are exactly what was planned', () => {
  test('become children in the order of the plan, whatever theirs is', () => {
    const { image, children, missing } = planMerge(request(), [arm64, amd64])
    expect(image).toBe('web')
    expect(children.map(({ platform }) => platform)).toEqual(platforms)
    expect(children[0]?.source).toEqual({ record: amd64.record })
    expect(children[2]?.source).toEqual({ prebuilt: prebuilt['linux/s390x'] })
    expect(missing).toEqual([])
  })

  test('may lie beside those of the plan’s other images', () => {
    const sibling = found('linux/s390x', { image: 'api', leg: 'api.linux-s390x', repository: 'localhost:5000/api' })
    expect(planMerge(request(), [amd64, sibling, arm64]).children).toHaveLength(3)
  })

  test('count once where the same is found twice', () => {
    expect(planMerge(request(), [amd64, { ...amd64, place: 'copy.json' }, arm64]).children).toHaveLength(3)
  })

  test('of a newer attempt replace those of an older one', () => {
    const attempt = (number: number) =>
      found('linux/amd64', { run: { id: '7', attempt: number }, digest: digest(`attempt ${number}`) })
    const { children } = planMerge(request(), [attempt(2), attempt(10), attempt(1), arm64])
    expect(children[0]?.source).toEqual({ record: attempt(10).record })
  })
})

describe('a merge is refused for', () => {
  test.each<[string, readonly FoundRecord[], RegExp]>([
    ['a missing platform', [amd64], /no record for linux\/arm64 \(leg web\.linux-arm64\)/],
    ['no records at all', [], /no record for linux\/amd64 .*no record for linux\/arm64/],
    [
      'an extra platform',
      [amd64, arm64, found('linux/riscv64')],
      /web\.linux-riscv64\.json is of linux\/riscv64, which is not among/,
    ],
    [
      'a record of a platform that was built elsewhere',
      [amd64, arm64, found('linux/s390x')],
      /is of linux\/s390x, which was built elsewhere/,
    ],
    [
      'two records for one platform',
      [amd64, found('linux/amd64', { digest: digest('other') }), arm64],
      /linux\/amd64 has 2 records/,
    ],
    [
      'records of one platform from two runs',
      [
        found('linux/amd64', { run: { id: '1', attempt: 1 }, digest: digest('one') }),
        found('linux/amd64', { run: { id: '2', attempt: 2 }, digest: digest('two') }),
        arm64,
      ],
      /linux\/amd64 has 2 records/,
    ],
    [
      'one digest for two platforms',
      [amd64, found('linux/arm64', { digest: amd64.record.digest })],
      /linux\/amd64 and linux\/arm64 have the same digest/,
    ],
    [
      'a record of another repository',
      [amd64, found('linux/arm64', { repository: 'localhost:5000/mirror/web' })],
      /names localhost:5000\/mirror\/web, not localhost:5000\/web/,
    ],
    [
      'a record of an unknown image',
      [amd64, arm64, found('linux/arm64', { image: 'web2' })],
      /is of image web2, not web/,
    ],
    [
      'a record of another plan',
      [amd64, found('linux/arm64', { plan: '000000000000' })],
      /for plan 000000000000, not for plan/,
    ],
    ['a record without a plan', [amd64, found('linux/arm64', { plan: null, leg: null })], /pushed without a plan/],
    [
      'a record of another leg',
      [amd64, found('linux/arm64', { leg: 'web.linux-amd64' })],
      /is of leg web\.linux-amd64: the leg for linux\/arm64/,
    ],
  ])('%s', (_, records, message) => {
    expect(refusal(records)).toMatch(message)
  })

  test('all of its problems at once', () => {
    const message = refusal([found('linux/riscv64'), found('linux/arm64', { repository: 'localhost:5000/other' })])
    expect(message).toMatch(/riscv64.*localhost:5000\/other.*no record for linux\/amd64.*no record for linux\/arm64/)
  })
})

describe('on-missing: allow', () => {
  test('goes without a platform', () => {
    const { children, missing } = planMerge(request({ onMissing: 'allow' }), [amd64])
    expect(children.map(({ platform }) => platform)).toEqual(['linux/amd64', 'linux/s390x'])
    expect(missing).toEqual(['linux/arm64'])
  })

  test('not without a required one', () => {
    expect(refusal([amd64], { onMissing: 'allow', requiredPlatforms: ['linux/arm64'] })).toMatch(
      /no record for linux\/arm64/,
    )
  })

  test('not without any', () => {
    expect(refusal([], { onMissing: 'allow', prebuilt: {} })).toMatch(/not one record/)
  })

  test('still refuses what is wrong', () => {
    expect(refusal([amd64, found('linux/riscv64')], { onMissing: 'allow' })).toMatch(/riscv64/)
  })
})

test('without a plan the records say which image it is, if they agree', () => {
  const free = { plan: null, image: null, legs: {}, siblings: [], prebuilt: {}, platforms: platforms.slice(0, 2) }
  expect(planMerge(request(free), [amd64, arm64]).image).toBe('web')
  expect(refusal([amd64, found('linux/arm64', { image: 'api' })], free)).toMatch(/is of image api, not web/)
})

test('a layout directory is the same however it is written', () => {
  const free = {
    plan: null,
    legs: {},
    prebuilt: {},
    platforms: ['linux/amd64'],
    repositories: ['oci:./out/web/'] as const,
  }
  expect(planMerge(request(free), [found('linux/amd64', { repository: 'oci:out/web' })]).children).toHaveLength(1)
  expect(refusal([found('linux/amd64', { repository: 'oci:out/api' })], free)).toMatch(/names oci:out\/api/)
})
