// The order in which images are built.
import { expect, test } from 'vitest'
import { orderInWaves } from './waves.ts'

const order = (needs: Readonly<Record<string, string[]>>) =>
  orderInWaves(Object.entries(needs).map(([id, needed]) => ({ id, needs: needed }))).map((wave) =>
    wave.map(({ id }) => id),
  )

test('what others need comes first, and what can be built side by side is one wave', () => {
  expect(order({ app: ['base', 'tools'], base: [], tools: ['base'], docs: [] })).toEqual([
    ['base', 'docs'],
    ['tools'],
    ['app'],
  ])
})

test('an image that is needed but not planned holds nobody up', () => {
  expect(order({ app: ['elsewhere'] })).toEqual([['app']])
})
