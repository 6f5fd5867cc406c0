// The names of anchor tags.
import { digestOf } from '@polyarch/oci'
import { expect, test } from 'vitest'
import { anchorTag, isAnchorOf } from './anchor.ts'

const digest = digestOf(new TextEncoder().encode('a manifest'))
const other = digestOf(new TextEncoder().encode('another'))

test('an anchor tells its manifest from every other', () => {
  const tag = anchorTag('polyarch-{leg}-{digest}', digest, 'web.linux-amd64')
  expect(tag).toBe(`polyarch-web.linux-amd64-${digest.slice(7, 19)}`)
  expect([isAnchorOf(tag, digest), isAnchorOf(tag, other), isAnchorOf('latest', digest)]).toEqual([true, false, false])
})

test.each(['latest', '{leg}', '-{digest}', '{digest}/{leg}', '{tag}-{digest}', `{digest}${'x'.repeat(128)}`])(
  '"%s" is no template of an anchor',
  (template) => {
    expect(() => anchorTag(template, digest, 'web.linux-amd64')).toThrow('input anchor')
  },
)
