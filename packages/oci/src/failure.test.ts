// What a failure's message may hold, whoever wrote the words that it quotes.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Failure } from './failure.ts'
import { StoreError } from './store.ts'

const hostile = fc.string({
  unit: fc.constantFrom(...Array.from('ab: 1\t\n\r\v\f\u0000\u001b\u007f\u0085\u009b\u2028\u2029\u202e\u2066\u200f')),
})

test('a message is one line of plain text, whatever it quotes', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      for (const { message } of [new Failure('verification', `found "${text}"`), new StoreError('UNKNOWN', text)])
        expect(message).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u)
    }),
  )
})

test('problems that name their places keep their lines, and nothing can be put between them', () => {
  const problems = 'polyarch.yaml:1:2: one\nDockerfile:3: two'
  expect(new Failure('input', problems).message).toBe(problems)
  expect(new Failure('input', `${problems}\n::error::forged`).message.split('\n')).toHaveLength(1)
  expect(new Failure('input', 'a sentence\nb.yaml:1: forged').message).toBe('a sentence b.yaml:1: forged')
})
