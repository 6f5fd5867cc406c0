// Which hosts NO_PROXY names.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bypassesProxy } from './no-proxy.ts'

const bypasses = (url: string, noProxy: string | undefined): boolean => bypassesProxy(new URL(url), noProxy)

test.each([
  ['https://registry.acme.example/', 'registry.acme.example'],
  ['https://Registry.ACME.example/', 'x.example, Acme.Example'],
  ['https://registry.acme.example/', '.acme.example'],
  ['https://registry.acme.example/', '*.acme.example'],
  ['https://acme.example/', '.acme.example'],
  ['https://registry.acme.example./', 'acme.example'],
  ['https://registry.acme.example/', 'acme.example:443'],
  ['http://registry.acme.example:5000/', 'x.example acme.example:5000'],
  ['https://anything.example/', '*'],
  ['https://10.1.2.3:5000/', '10.0.0.0/8'],
  ['https://10.1.2.3:5000/', '192.168.0.0/16,10.1.2.3'],
  ['https://10.1.2.3:5000/', '10.1.2.3:5000'],
  ['http://[fd00:12::1]:5000/', 'fd00::/8'],
  ['http://[fd00:12::1]:5000/', 'fd00:12:0::1'],
  ['http://[fd00:12::1]:5000/', '[fd00:12::1]:5000'],
])('%s is reached directly where NO_PROXY is "%s"', (url, noProxy) => {
  expect(bypasses(url, noProxy)).toBe(true)
})

test.each([
  ['https://registry.acme.example/', undefined],
  ['https://registry.acme.example/', ''],
  ['https://registry.acme.example/', ' , ,'],
  ['https://registry.acme.example/', 'registry.acme'],
  ['https://notacme.example/', 'acme.example'],
  ['https://registry.acme.example/', 'acme.example:5000'],
  ['http://registry.acme.example:5000/', 'acme.example:443'],
  ['https://registry.acme.example/', '10.0.0.0/8'],
  ['https://registry.acme.example/', '.'],
  ['https://11.1.2.3/', '10.0.0.0/8'],
  ['https://10.1.2.3/', '10.0.0.0/99'],
  ['https://10.1.2.3/', '10.0.0.0/eight'],
  ['https://10.1.2.3/', '2.3'],
  ['http://[fe80::1]/', 'fd00::/8,10.0.0.0/8'],
  ['http://[fd00:12::1]:5000/', '[fd00:12::1]:443'],
])('%s is reached through the proxy where NO_PROXY is "%s"', (url, noProxy) => {
  expect(bypasses(url, noProxy)).toBe(false)
})

test('whatever NO_PROXY is, it is read', () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.constantFrom('https://a.example/', 'https://10.1.2.3/', 'http://[::2]:1/'),
      (text, url) => {
        expect(typeof bypasses(url, text)).toBe('boolean')
      },
    ),
  )
})
