// The order in which images are built.
import { type Plan, sealPlan } from '@polyarch/documents'
import { expect, test } from 'vitest'
import { orderImages } from './waves.ts'

const plan = (needs: Readonly<Record<string, string[]>>): Plan =>
  sealPlan({
    source: { repository: null, revision: null, created: null },
    images: Object.entries(needs).map(([id, needed]) => ({
      id,
      repositories: [`oci:out/${id}`],
      tags: [],
      platforms: ['linux/amd64'],
      labels: {},
      annotations: {},
      build: null,
      prebuilt: {},
      needs: needed,
    })),
    legs: [],
    skipped: [],
  })

const order = (needs: Readonly<Record<string, string[]>>) =>
  orderImages(plan(needs)).map((wave) => wave.map(({ id }) => id))

test('what others need comes first, and what can be built side by side is one wave', () => {
  expect(order({ app: ['base', 'tools'], base: [], tools: ['base'], docs: [] })).toEqual([
    ['base', 'docs'],
    ['tools'],
    ['app'],
  ])
})

test('images that need each other are refused by name', () => {
  expect(() => order({ one: ['two'], two: ['one'], three: [] })).toThrow(/one, two/)
})
