// How long the executor’s RUN instructions take by what it says, and which come from the cache repository.
import { expect, test } from 'vitest'
import { createInstructionReader } from './instruction-reader.ts'

/** Reads messages that come at these seconds. */
const read = (...messages: readonly (readonly [at: number, message: string])[]) => {
  let time = 0
  const reader = createInstructionReader(() => time)
  for (const [at, message] of messages) {
    time = at
    reader.add(message)
  }
  return { ran: Object.fromEntries(reader.times.ran), cached: reader.times.cached }
}

const push = 'Pushing layer cache.example.com/linux-amd64:2523a8 to cache now'

test('a RUN lasts until its layer is whole', () => {
  const { ran, cached } = read(
    [0, "Building stage 'a' [idx: '0', base-idx: '-1']"],
    [1, 'No cached layer found for cmd RUN first'],
    [2, 'RUN first'],
    [3, 'Cmd: /bin/sh'],
    [5, 'Taking snapshot of full filesystem...'],
    [6, 'WORKDIR /srv'],
    [7, push],
    [8, 'RUN second\nand more'],
    [12, push],
    [40, 'Pushed cache.example.com/linux-amd64@sha256:c2b7'],
  )
  expect(ran).toEqual({ 'RUN first': 4, 'RUN second\nand more': 4 })
  expect(cached).toEqual([])
})

test('the layer of the one before does not end a RUN', () => {
  expect(read([0, 'RUN first'], [1, 'RUN second'], [2, push], [9, push])).toMatchObject({
    ran: { 'RUN first': 1, 'RUN second': 8 },
  })
})

test('one from the cache repository takes no time, in its stage', () => {
  const { ran, cached } = read(
    [0, "Building stage 'a' [idx: '0', base-idx: '-1']"],
    [1, 'Using caching version of cmd: RUN first'],
    [2, 'RUN first'],
    [3, 'Found cached layer, extracting to filesystem'],
    [4, "Building stage 'b' [idx: '1', base-idx: '-1']"],
    [5, 'RUN first'],
    [7, push],
    [8, 'RUN second'],
    [9, "Building stage 'c' [idx: '2', base-idx: '-1']"],
  )
  expect(ran).toEqual({ 'RUN first': 2 })
  expect(cached).toEqual(['RUN first'])
})
