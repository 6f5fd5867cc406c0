// Where a Location may lead.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Refusal } from './errors.ts'
import { resolveLocation } from './location.ts'

const resolve = (location: string | undefined, from: string): string =>
  resolveLocation(location, { method: 'POST', url: new URL(from) }, (host) => host === 'lab.example:5000').href

test.each([
  [
    '/v2/a/b/blobs/uploads/1?_state=x%2Fy',
    'https://r.example/v2/a/b/blobs/uploads/',
    'https://r.example/v2/a/b/blobs/uploads/1?_state=x%2Fy',
  ],
  ['uploads/1', 'https://r.example/v2/a/blobs/', 'https://r.example/v2/a/blobs/uploads/1'],
  ['//s3.example/x', 'https://r.example/v2/', 'https://s3.example/x'],
  ['http://127.0.0.1:5000/v2/x', 'http://127.0.0.1:5000/v2/', 'http://127.0.0.1:5000/v2/x'],
  // A registry behind a TLS proxy that does not know of it.
  ['http://r.example/v2/x?y=1', 'https://r.example/v2/', 'https://r.example/v2/x?y=1'],
  ['http://r.example/v2/x', 'https://r.example:8443/v2/', 'https://r.example:8443/v2/x'],
  ['http://lab.example:5000/v2/x', 'https://r.example/v2/', 'http://lab.example:5000/v2/x'],
  ['https://user:secret@r.example/x', 'https://r.example/v2/', 'https://r.example/x'],
])('%s from %s leads to %s', (location, from, expected) => {
  expect(resolve(location, from)).toBe(expected)
})

test.each([
  [undefined, 'no Location'],
  ['', 'no Location'],
  ['http://other.example/v2/x?token=secret', 'from https to http'],
  ['http://r.example:5000/x', 'from https to http'],
  ['file:///etc/passwd', 'another protocol'],
  ['https://[broken', 'not a URL'],
])('%s is refused', (location, why) => {
  const work = (): string => resolve(location, 'https://r.example/v2/')
  expect(work).toThrow(Refusal)
  expect(work).toThrow(why)
  expect(work).not.toThrow('secret')
})

test('whatever a server writes leads to http or https, or to one sentence', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.webUrl(), fc.string({ unit: 'binary' })), (location) => {
      try {
        expect(resolve(location, 'https://r.example/v2/')).toMatch(/^https?:\/\//)
      } catch (error) {
        expect(error).toBeInstanceOf(Refusal)
        expect((error as Error).message).not.toMatch(/[\n\r]/)
      }
    }),
  )
})
