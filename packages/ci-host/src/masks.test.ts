// Secrets in texts, whole, in lines and inside of each other.
import { describe, expect, test } from 'vitest'
import { createMasks } from './masks.ts'

describe('masks', () => {
  test('hide a secret whole and each of its lines', () => {
    const masks = createMasks()
    masks.add('-----BEGIN-----\nabcdef\n-----END-----\n')
    expect(masks.apply('key abcdef.')).toBe('key ***.')
    expect(masks.apply('-----BEGIN-----\nabcdef\n-----END-----')).toBe('***')
  })

  test('hide the longer of two secrets whole, whichever came first', () => {
    const masks = createMasks()
    masks.add('pass')
    masks.add('password')
    expect(masks.apply('password pass')).toBe('*** ***')
  })

  test('say which texts are new', () => {
    const masks = createMasks()
    expect(masks.add('one\ntwo')).toEqual(['one\ntwo', 'one', 'two'])
    expect(masks.add('two')).toEqual([])
  })

  test.each(['', ' ', 'ab', '\n'])('leave %j alone: it would blot out words', (secret) => {
    const masks = createMasks()
    masks.add(secret)
    expect(masks.apply('ab c\n')).toBe('ab c\n')
  })
})
