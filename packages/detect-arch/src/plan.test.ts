// What holds for every plan, whatever is asked for.
import { parsePlan } from '@polyarch/documents'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ImageRequest, plainImage } from './image-request.ts'
import { type ImageFacts, makePlan, type PlanFacts } from './plan.ts'
import { findCycle } from './request-check.ts'

const platforms = ['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/s390x', 'windows/amd64'] as const
const digest = `sha256:${'a'.repeat(64)}`

interface Sketch {
  readonly platforms: readonly string[]
  readonly prebuilt: readonly string[]
  /** Positions of earlier images, so that there is no circle. */
  readonly needs: readonly number[]
  readonly skipped: boolean
}

const sketch: fc.Arbitrary<Sketch> = fc.record({
  platforms: fc.subarray([...platforms], { minLength: 1 }),
  prebuilt: fc.subarray([...platforms]),
  needs: fc.uniqueArray(fc.nat(7), { maxLength: 3 }),
  skipped: fc.boolean(),
})

const requestOf = (id: string): ImageRequest => ({
  ...plainImage,
  id,
  placeOf: () => ({ file: 'polyarch.yaml' }),
})

const factsOf = (id: string, { platforms: asked, prebuilt, needs }: Sketch, position: number): ImageFacts => ({
  names: { id, repositories: [`ghcr.io/acme/${id}`], tags: ['latest'] },
  build: { context: '.', dockerfile: 'Dockerfile', target: null, args: {}, remote: null },
  extend: undefined,
  platforms: asked,
  prebuilt: Object.fromEntries(prebuilt.map((platform) => [platform, `ghcr.io/acme/${id}@${digest}`])),
  needs: needs.filter((need) => need < position).map((need) => `image-${need}`),
  executed: () => [],
  engine: () => ({ engine: 'kaniko', reason: 'because' }),
})

/** A plan of the sketches, given in reverse: the order of a file says nothing of what is needed first. */
const planOf = (sketches: readonly Sketch[]) => {
  const ids = sketches.map((_, position) => `image-${position}`)
  const built = ids.filter((_, position) => sketches[position]?.skipped === false)
  const facts: PlanFacts = {
    source: { repository: null, revision: null, created: null },
    forge: 'github',
    machine: { platform: 'linux/amd64', kernel: 'linux/amd64', emulators: [] },
    labels: {},
    images: new Map(
      sketches.flatMap((image, position): [string, ImageFacts][] =>
        image.skipped ? [] : [[ids[position] ?? '', factsOf(ids[position] ?? '', image, position)]],
      ),
    ),
    skipped: new Map(ids.filter((id) => !built.includes(id)).map((id) => [id, 'unchanged'])),
  }
  return {
    ...makePlan({ images: ids.toReversed().map(requestOf), runners: {}, files: [], skipped: new Map() }, facts),
    built,
  }
}

describe('every plan', () => {
  test('is one that the other steps accept: a leg for each platform that is built, and no other', () => {
    fc.assert(
      fc.property(fc.array(sketch, { maxLength: 8 }), (sketches) => {
        const { plan, reasons } = planOf(sketches)
        expect(parsePlan(JSON.stringify(plan), 'plan')).toEqual(plan)
        expect(new Set(plan.legs.map(({ id }) => id)).size).toBe(plan.legs.length)
        expect([...reasons.keys()].sort()).toEqual(plan.legs.map(({ id }) => id).sort())
      }),
    )
  })

  test('has every image once, built or skipped, and none that nobody asked for', () => {
    fc.assert(
      fc.property(fc.array(sketch, { maxLength: 8 }), (sketches) => {
        const { plan } = planOf(sketches)
        const all = [...plan.images.map(({ id }) => id), ...plan.skipped.map(({ image }) => image)]
        expect(all.toSorted()).toEqual(sketches.map((_, position) => `image-${position}`).toSorted())
      }),
    )
  })

  test('has what is needed before what needs it, and needs nothing that it does not build', () => {
    fc.assert(
      fc.property(fc.array(sketch, { maxLength: 8 }), (sketches) => {
        const { plan } = planOf(sketches)
        const order = plan.images.map(({ id }) => id)
        for (const [position, { needs }] of plan.images.entries())
          for (const need of needs) expect(order.slice(0, position)).toContain(need)
      }),
    )
  })

  test('is the same for the same request', () => {
    fc.assert(
      fc.property(fc.array(sketch, { maxLength: 6 }), (sketches) => {
        expect(planOf(sketches).plan.id).toBe(planOf(sketches).plan.id)
      }),
    )
  })
})

describe('a circle of needs', () => {
  test('is found wherever it is, and shown from its first image to itself', () => {
    expect(
      findCycle([
        { id: 'x', needs: ['a'] },
        { id: 'a', needs: ['b'] },
        { id: 'b', needs: ['c'] },
        { id: 'c', needs: ['a'] },
      ]),
    ).toEqual(['a', 'b', 'c', 'a'])
  })

  test('is none where every image needs earlier ones only', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.nat(20), { maxLength: 4 }), { maxLength: 20 }), (needs) => {
        const images = needs.map((needed, id) => ({
          id: String(id),
          needs: needed.filter((need) => need < id).map(String),
        }))
        expect(findCycle(images.toReversed())).toBeUndefined()
      }),
    )
  })

  test('is looked for in a chain of a hundred thousand images without running out of stack', () => {
    const chain = Array.from({ length: 100_000 }, (_, id) => ({ id: String(id), needs: [String(id + 1)] }))
    expect(findCycle(chain)).toBeUndefined()
  })
})
