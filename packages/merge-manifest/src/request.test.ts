// What a merge is asked for, with and without a plan.
import { sealPlan } from '@polyarch/documents'
import { digestOf } from '@polyarch/oci'
import { describe, expect, test } from 'vitest'
import { type RequestInputs, reasonForNothing, requestFromInputs, requestFromPlan } from './request.ts'

const digest = digestOf(new TextEncoder().encode('image'))

const inputs = (changes: Partial<RequestInputs> = {}): RequestInputs => ({
  image: undefined,
  repository: [],
  platforms: [],
  tags: [],
  annotations: {},
  sources: [],
  'on-missing': 'fail',
  'required-platforms': [],
  ...changes,
})
const free = (changes: Partial<RequestInputs> = {}) =>
  inputs({ repository: ['localhost:5000/web'], platforms: ['linux/amd64', 'linux/aarch64'], tags: ['1'], ...changes })

const image = (id: string) => ({
  id,
  repositories: [`localhost:5000/${id}`],
  tags: ['1', 'latest'],
  platforms: ['linux/amd64', 'linux/arm64'],
  labels: {},
  annotations: { title: 'Web' },
  build: null,
  prebuilt: { 'linux/arm64': `localhost:5000/other@${digest}` },
  needs: [],
})
const content = {
  source: { repository: null, revision: null, created: null },
  images: [image('web')],
  legs: [
    {
      id: 'web.linux-amd64',
      image: 'web',
      platform: 'linux/amd64',
      engine: 'kaniko' as const,
      runner: 'x',
      native: true,
    },
  ],
  skipped: [{ image: 'docs', reason: 'unchanged' }],
}
const plan = sealPlan(content)

describe('without a plan', () => {
  test('platforms are normalised and keep their order', () => {
    expect(requestFromInputs(free()).platforms).toEqual(['linux/amd64', 'linux/arm64'])
  })

  test.each<[Partial<RequestInputs>, RegExp]>([
    [{ repository: [] }, /input repository is required/],
    [{ platforms: [] }, /input platforms is required/],
    [{ platforms: ['linux/amd46'] }, /input platforms: unknown platform "linux\/amd46": did you mean linux\/amd64\?/],
    [{ platforms: ['linux/arm64', 'linux/aarch64'] }, /input platforms: "linux\/arm64" is given twice/],
    [{ repository: ['web'] }, /input repository: invalid reference "web"/],
    [{ repository: ['localhost:5000/web:1'] }, /input repository: invalid store/],
    [{ repository: ['localhost:5000/web', 'localhost:5000/web'] }, /input repository: .* given twice/],
    [{ tags: ['bad tag'] }, /input tags: "bad tag" is not a tag/],
    [{ annotations: { title: undefined } }, /input annotations: "title" has no value/],
    [{ sources: ['linux/arm64'] }, /input sources: expected platform=/],
    [{ sources: ['linux/arm64=localhost:5000/x:1'] }, /input sources: linux\/arm64: .* can change/],
    [{ sources: [`linux/s390x=localhost:5000/x@${digest}`] }, /linux\/s390x is not among the platforms/],
    [{ 'required-platforms': ['linux/s390x'] }, /linux\/s390x is not among the platforms/],
  ])('%j is refused', (changes, message) => {
    expect(() => requestFromInputs(free(changes))).toThrow(
      expect.objectContaining({ kind: 'input', message: expect.stringMatching(message) }),
    )
  })
})

describe('with a plan', () => {
  test('everything comes from it', () => {
    expect(requestFromPlan(plan, inputs())).toMatchObject({
      plan: plan.id,
      image: 'web',
      repositories: ['localhost:5000/web'],
      tags: ['1', 'latest'],
      legs: { 'linux/amd64': 'web.linux-amd64' },
      annotations: { title: 'Web' },
      prebuilt: { 'linux/arm64': `localhost:5000/other@${digest}` },
    })
  })

  test('inputs may say the same', () => {
    const same = inputs({ repository: ['localhost:5000/web'], tags: ['1', 'latest'], annotations: { title: 'Web' } })
    expect(requestFromPlan(plan, same)).toEqual(requestFromPlan(plan, inputs()))
  })

  test.each<[Partial<RequestInputs>, RegExp]>([
    [{ repository: ['localhost:5000/other'] }, /input repository contradicts the plan, which says localhost:5000\/web/],
    [{ tags: ['latest'] }, /input tags contradicts/],
    [{ platforms: ['linux/amd64'] }, /input platforms contradicts/],
    [{ annotations: { title: 'Other' } }, /input annotations contradicts/],
    [{ sources: [`linux/arm64=localhost:5000/x@${digest}`] }, /input sources: the plan says/],
    [{ image: 'wbe' }, /image "wbe" is not in plan .*: web/],
  ])('%j is refused', (changes, message) => {
    expect(() => requestFromPlan(plan, inputs(changes))).toThrow(
      expect.objectContaining({ kind: 'input', message: expect.stringMatching(message) }),
    )
  })

  test('an image has to be named where there are several', () => {
    const several = sealPlan({
      ...content,
      images: [image('web'), { ...image('api') }],
      legs: [...content.legs, { ...content.legs[0]!, id: 'api.linux-amd64', image: 'api' }],
    })
    expect(() => requestFromPlan(several, inputs())).toThrow(/input image is required: plan .* has web, api/)
  })

  test('an image that was skipped is nothing to merge', () => {
    expect(reasonForNothing(plan, 'docs')).toBe('docs was skipped: unchanged')
    expect(reasonForNothing(plan, 'web')).toBeUndefined()
    expect(reasonForNothing(sealPlan({ ...content, images: [], legs: [] }), undefined)).toMatch(/has no images/)
  })
})
