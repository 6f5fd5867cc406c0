// What of the outputs a dotenv report may hold, and what goes into files.
import { describe, expect, test } from 'vitest'
import { formatDotenv, outputVariable } from './dotenv.ts'

describe('dotenv', () => {
  test('names variables in upper case with underscores', () => {
    expect(outputVariable('merge-matrix')).toBe('MERGE_MATRIX')
  })

  test('holds short texts as they are', () => {
    expect(formatDotenv('push-digest', { digest: 'sha256:ab', 'media-type': 'a/b+json' }, '.polyarch')).toEqual({
      text: 'DIGEST=sha256:ab\nMEDIA_TYPE=a/b+json\n',
      files: {},
    })
  })

  test.each([
    ['a JSON document', '{"a":1}', 'json'],
    ['a list', '["a"]', 'json'],
    ['several lines', 'a\nb', 'txt'],
    ['quotes', 'say "hi"', 'txt'],
    ['spaces around', ' a', 'txt'],
    ['a long text', 'x'.repeat(1025), 'txt'],
  ])('puts %s into a file and names it', (_what, value, extension) => {
    const path = `out/step.value.${extension}`
    expect(formatDotenv('step', { value }, 'out')).toEqual({ text: `VALUE=${path}\n`, files: { [path]: value } })
  })

  test('refuses what GitLab would refuse', () => {
    const outputs = Object.fromEntries(Array.from({ length: 6 }, (_, index) => [`o${index}`, 'x'.repeat(1000)]))
    expect(() => formatDotenv('step', outputs, 'out')).toThrow('GitLab takes 5120')
  })
})
