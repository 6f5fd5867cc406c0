// Every operator on variables, as BuildKit expands it.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are Dockerfile variables
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { expandWord } from './expansion.ts'

const variables = new Map([
  ['v', 'value'],
  ['empty', ''],
  ['path', 'foobarfoo.tar.gz'],
  ['nested', 'inner'],
])

describe('a word', () => {
  test.each([
    ['$v', 'value'],
    ['${v}s', 'values'],
    ['a${v}b$v', 'avaluebvalue'],
    ["'$v'", '$v'],
    ['"$v"', 'value'],
    ['\\$v', '$v'],
    ['"\\$v"', '$v'],
    ['$', '$'],
    ['a b', 'a b'],
    ['${v:-d}', 'value'],
    ['${x:-d}', 'd'],
    ['${empty:-d}', 'd'],
    ['${empty-d}', ''],
    ['${x-d}', 'd'],
    ['${x:-${nested}}', 'inner'],
    ['${v:+w}', 'w'],
    ['${empty:+w}', ''],
    ['${empty+w}', 'w'],
    ['${x+w}', ''],
    ['${v:?no}', 'value'],
    ['${path#foo}', 'barfoo.tar.gz'],
    ['${path#*o}', 'obarfoo.tar.gz'],
    ['${path##*o}', '.tar.gz'],
    ['${path%.*}', 'foobarfoo.tar'],
    ['${path%%.*}', 'foobarfoo'],
    ['${path%?z}', 'foobarfoo.tar.'],
    ['${path/foo/x}', 'xbarfoo.tar.gz'],
    ['${path//foo/x}', 'xbarx.tar.gz'],
    ['${path//o}', 'fbarf.tar.gz'],
    ['${path//\\*/x}', 'foobarfoo.tar.gz'],
    ['${path/b?r/${v}}', 'foovaluefoo.tar.gz'],
  ])('%s becomes %s', (word, expected) => {
    expect(expandWord(word, variables).text).toBe(expected)
  })

  test('tells which variables it misses, but not those that have a default', () => {
    expect(expandWord('$a ${b} ${c:-x} ${v:-$d} ${e:-$f}', variables).missing).toEqual(['a', 'b', 'f'])
  })

  test.each([
    ['${x:?is needed}', 'x: is needed'],
    ['${empty:?}', 'empty: is not set'],
    ['${v', 'is not closed'],
    ['${v!x}', 'not known'],
    ['"x', 'not closed'],
    ["'x", 'not closed'],
  ])('%s is an error', (word, message) => {
    expect(() => expandWord(word, variables)).toThrow(message)
  })

  test('cannot grow without end, or be nested without end', () => {
    const long = new Map([['a', 'x'.repeat(10_000)]])
    expect(() => expandWord('$a'.repeat(100), long)).toThrow('more than 16384 characters')
    expect(() => expandWord('${a:-'.repeat(5_000), new Map())).toThrow('nested')
  })

  test('without a special character is what it was', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[^$\\'"]*$/), (word) => {
        expect(expandWord(word, variables).text).toBe(word)
      }),
    )
  })

  test('removes what a prefix and a suffix have in common with the value, whatever the value', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z.]{0,20}$/), fc.stringMatching(/^[a-z]{1,3}$/), (value, part) => {
        const own = new Map([['v', value]])
        const expected = value.startsWith(part) ? value.slice(part.length) : value
        expect(expandWord(`\${v#${part}}`, own).text).toBe(expected)
        expect(expandWord(`\${v//${part}/-}`, own).text).toBe(value.replaceAll(part, '-'))
      }),
    )
  })
})
