// Credentials are for exactly one host, and for whole components of a path below it.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findByKey, parseKey, serverAddress } from './registry-key.ts'

const find = (keys: readonly string[], host: string, name = ''): string | undefined =>
  findByKey(
    keys.map((text) => ({ text, key: parseKey(text) })),
    host,
    name,
  )?.text

describe('a key is for', () => {
  test.each([
    ['ghcr.io', 'ghcr.io'],
    ['https://ghcr.io', 'ghcr.io'],
    ['http://ghcr.io/', 'ghcr.io'],
    ['https://ghcr.io/v2/', 'ghcr.io'],
    ['GHCR.io', 'ghcr.io'],
    ['localhost:5000', 'localhost:5000'],
    ['[::1]:5000', '[::1]:5000'],
    ['https://index.docker.io/v1/', 'docker.io'],
    ['index.docker.io', 'registry-1.docker.io'],
    ['docker.io', 'docker.io'],
    ['registry-1.docker.io', 'index.docker.io'],
  ])('%s: %s', (key, host) => {
    expect(find([key], host, 'acme/web')).toBe(key)
  })

  test.each([
    ['ghcr.io', 'evil-ghcr.io'],
    ['ghcr.io', 'ghcr.io.evil.example'],
    ['ghcr.io', 'ghcr.io:443'],
    ['ghcr.io:443', 'ghcr.io'],
    ['sub.example.com', 'example.com'],
    ['example.com', 'sub.example.com'],
    ['https://evil.example/ghcr.io', 'ghcr.io'],
    ['evil.example@ghcr.io', 'ghcr.io'],
    ['hub.docker.com', 'docker.io'],
    ['https://index.docker.io/v1/access-token', 'docker.io'],
    ['', 'ghcr.io'],
  ])('%s: not %s', (key, host) => {
    expect(find([key], host, 'acme/web')).toBeUndefined()
  })

  test('a namespace at component boundaries, the longest first', () => {
    const keys = ['ghcr.io', 'ghcr.io/acme', 'ghcr.io/acme/web', 'ghcr.io/acme/web/deep/er']
    expect(find(keys, 'ghcr.io', 'acme/web')).toBe('ghcr.io/acme/web')
    expect(find(keys, 'ghcr.io', 'acme/web/deep')).toBe('ghcr.io/acme/web')
    expect(find(keys, 'ghcr.io', 'acme/website')).toBe('ghcr.io/acme')
    expect(find(keys, 'ghcr.io', 'acmeister/web')).toBe('ghcr.io')
    expect(find(keys.slice(1), 'ghcr.io', 'acmeister/web')).toBeUndefined()
    expect(find(keys.slice(1), 'ghcr.io')).toBeUndefined()
  })

  test('no host that only contains it or is contained in it', () => {
    const host = fc.domain()
    fc.assert(
      fc.property(host, fc.stringMatching(/^[a-z0-9]{1,8}$/), (known, extra) => {
        for (const near of [
          `${extra}${known}`,
          `${known}${extra}`,
          `${extra}.${known}`,
          `${known}.${extra}`,
          `${known}:${extra}`,
          known.slice(1),
        ])
          expect(find([known, `https://${known}/v2/`], near, 'name')).toBeUndefined()
      }),
    )
  })
})

test('helpers are asked for Docker Hub under the address that docker logs in to', () => {
  expect(serverAddress('registry-1.docker.io')).toBe('https://index.docker.io/v1/')
  expect(serverAddress('ghcr.io')).toBe('ghcr.io')
})
