// Challenges are read as servers write them, and nothing that they write is a surprise.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseChallenges } from './challenge.ts'

const read = (header: string | string[]): unknown =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)])

test.each<[string, string | string[], unknown]>([
  [
    'one bearer challenge',
    'Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a/b:pull,push"',
    [
      [
        'bearer',
        { realm: 'https://auth.example/token', service: 'registry.example', scope: 'repository:a/b:pull,push' },
      ],
    ],
  ],
  [
    'several challenges in one header',
    'Negotiate, Basic realm="simple", Bearer realm="https://auth.example/token", service=registry',
    [
      ['negotiate', {}],
      ['basic', { realm: 'simple' }],
      ['bearer', { realm: 'https://auth.example/token', service: 'registry' }],
    ],
  ],
  [
    'several headers',
    ['Bearer realm="https://auth.example/token"', 'Basic realm="other"'],
    [
      ['bearer', { realm: 'https://auth.example/token' }],
      ['basic', { realm: 'other' }],
    ],
  ],
  [
    'spaces around the equals sign, odd case',
    'BEARER Realm = "x" , SERVICE = y',
    [['bearer', { realm: 'x', service: 'y' }]],
  ],
  ['escaped quotes and commas inside quotes', 'Basic realm="a \\"b\\", c=d"', [['basic', { realm: 'a "b", c=d' }]]],
  [
    'a token68 credential',
    'NTLM TlRMTVNTUAAC==, Basic realm="x"',
    [
      ['ntlm', {}],
      ['basic', { realm: 'x' }],
    ],
  ],
  ['the first of two values', 'Bearer realm="first", realm="second"', [['bearer', { realm: 'first' }]]],
  ['nothing in an empty header', '', []],
])('reads %s', (_, header, expected) => {
  expect(read(header)).toEqual(expected)
})

test('reads anything without a crash, and in the time its length warrants', () => {
  const piece = fc.constantFrom('Bearer', ' ', '=', '"', ',', 'realm', '\\', 'x', '\t', '==', 'é', '\u0000')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 200 }), (pieces) => {
      for (const { scheme, parameters } of parseChallenges(pieces.join(''))) {
        expect(scheme).toMatch(/^[^\s",=]+$/)
        expect(parameters).toBeInstanceOf(Map)
      }
    }),
    { numRuns: 500 },
  )
  expect(parseChallenges(`Bearer realm="${'\\'.repeat(50_000)}`).length).toBeGreaterThan(0)
  expect(parseChallenges(`${'a '.repeat(50_000)}`).length).toBeGreaterThan(0)
})
