// Which tags may be overwritten, by policies and patterns.
import type { TagOutcome } from '@polyarch/documents'
import { digestOf } from '@polyarch/oci'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkOverwrite, parseOverwrite, policyFor } from './overwrite.ts'

const digest = digestOf(new TextEncoder().encode('image'))
const outcome = (tag: string, status: TagOutcome['status']): TagOutcome => ({
  tag,
  previous: status === 'created' ? null : digest,
  status,
})

describe('policies by tag', () => {
  const rules = parseOverwrite(['v*=same', '*-rc.*=allow', 'stable=never', 'never'])

  test.each([
    ['v1.2.3', 'same'],
    ['v', 'same'],
    ['1.0-rc.1', 'allow'],
    ['stable', 'never'],
    ['stable2', 'never'],
    ['latest', 'never'],
  ])('%s: %s', (tag, policy) => expect(policyFor(tag, rules)).toBe(policy))

  test('the first that fits decides, without one everything is allowed', () => {
    expect(policyFor('v1-rc.1', rules)).toBe('same')
    expect(policyFor('latest', parseOverwrite(['v*=same']))).toBe('allow')
  })

  test('a pattern fits what a regular expression with .* for * would', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.', '-'), maxLength: 8 })
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(letters, pattern, (tag, text) => {
        const expression = new RegExp(
          `^${text
            .split('*')
            .map((part) => part.replaceAll('.', '\\.'))
            .join('.*')}$`,
        )
        expect(policyFor(tag, parseOverwrite([`${text}=never`]))).toBe(expression.test(tag) ? 'never' : 'allow')
      }),
    )
  })

  test.each([
    [['sometimes'], /expected allow, same, never or PATTERN=POLICY, found "sometimes"/],
    [['v*=maybe'], /found "v\*=maybe"/],
    [['a b=same'], /"a b" fits no tag/],
    [['same', 'never'], /same and never cannot both/],
  ])('%j is refused', (entries, message) => {
    expect(() => parseOverwrite(entries)).toThrow(
      expect.objectContaining({ kind: 'input', message: expect.stringMatching(message) }),
    )
  })
})

describe('tags that exist', () => {
  const outcomes = [
    {
      repository: 'localhost:5000/web',
      tags: (['created', 'unchanged', 'moved'] as const).map((status) => outcome(status, status)),
    },
  ]
  const refused = (policy: string): string[] => {
    try {
      checkOverwrite(outcomes, parseOverwrite([policy]))
      return []
    } catch (error) {
      expect(error).toMatchObject({ kind: 'policy' })
      return [...(error as Error).message.matchAll(/web:(\w+)/g)].map(([, tag]) => tag!)
    }
  }

  test('are refused as the policy says, all at once', () => {
    expect(refused('allow')).toEqual([])
    expect(refused('same')).toEqual(['moved'])
    expect(refused('never')).toEqual(['unchanged', 'moved'])
  })
})
