// Tests that the registry for tests behaves as registries do, with each kind of authentication.
import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { lacks } from './part.ts'
import { startRegistry } from './registry.ts'

const basic = (login: { username: string; password: string } | undefined): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${login?.username}:${login?.password}`).toString('base64')}`,
})

describe.skipIf(lacks('docker-registry'))('a registry for tests', () => {
  it('takes content without a login and tells what it was asked', async () => {
    await using registry = await startRegistry()
    const started = await fetch(`http://${registry.host}/v2/some/name/blobs/uploads/`, { method: 'POST' })
    expect(started.status).toBe(202)
    expect((await fetch(`http://${registry.host}/v2/some/name/manifests/none`)).status).toBe(404)
    expect(await registry.requests()).toEqual([
      'POST /v2/some/name/blobs/uploads/ 202',
      'GET /v2/some/name/manifests/none 404',
    ])
  })

  it('wants the login with htpasswd', async () => {
    await using registry = await startRegistry({ auth: 'htpasswd' })
    const url = `http://${registry.host}/v2/`
    expect((await fetch(url)).status).toBe(401)
    expect((await fetch(url, { headers: basic({ username: 'polyarch', password: 'wrong' }) })).status).toBe(401)
    expect((await fetch(url, { headers: basic(registry.login) })).status).toBe(200)
  })

  it('wants a token that its token server gives to the login, and to nobody else', async () => {
    await using registry = await startRegistry({ auth: 'token' })
    const target = `http://${registry.host}/v2/some/name/manifests/none`
    const challenge = (await fetch(target)).headers.get('www-authenticate') ?? ''
    const [, realm, service, scope] = /realm="([^"]+)",service="([^"]+)",scope="([^"]+)"/.exec(challenge) ?? []
    expect(scope).toBe('repository:some/name:pull')
    const ask = async (init: RequestInit) =>
      fetch(`${realm}?service=${service}&scope=${encodeURIComponent(scope ?? '')}`, init)
    expect((await ask({ headers: basic({ username: 'polyarch', password: 'wrong' }) })).status).toBe(401)
    const { token } = (await (await ask({ headers: basic(registry.login) })).json()) as { token: string }
    expect((await fetch(target, { headers: { authorization: `Bearer ${token}` } })).status).toBe(404)
    const anonymous = (await (await ask({})).json()) as { token: string }
    expect((await fetch(target, { headers: { authorization: `Bearer ${anonymous.token}` } })).status).toBe(401)
    expect(registry.tokens?.requests()).toMatchObject([
      { proof: 'basic', status: 401 },
      { proof: 'basic', status: 200 },
      { proof: 'none', status: 200 },
    ])
  })

  it('takes an identity token by POST', async () => {
    await using registry = await startRegistry({ auth: 'token' })
    const body = new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token: registry.tokens?.refreshToken ?? '',
      service: registry.tokens?.service ?? '',
      scope: 'repository:some/name:pull,push',
    })
    const answer = await fetch(registry.tokens?.realm ?? '', { method: 'POST', body })
    const { access_token: token } = (await answer.json()) as { access_token: string }
    const upload = await fetch(`http://${registry.host}/v2/some/name/blobs/uploads/`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    })
    expect(upload.status).toBe(202)
  })

  it('refuses an expired token', async () => {
    await using registry = await startRegistry({ auth: 'token', tokenLifetime: -1 })
    const answer = await fetch(`${registry.tokens?.realm}?service=${registry.tokens?.service}`, {
      headers: basic(registry.login),
    })
    const { token } = (await answer.json()) as { token: string }
    const refused = await fetch(`http://${registry.host}/v2/`, { headers: { authorization: `Bearer ${token}` } })
    expect(refused.status).toBe(401)
  })

  it('leaves nothing behind when stopped', async () => {
    const registry = await startRegistry({ auth: 'token' })
    await registry.stop()
    expect(existsSync(registry.directory)).toBe(false)
    await expect(fetch(`http://${registry.host}/v2/`)).rejects.toThrow()
  })
})

describe.skipIf(lacks('distribution-3'))('distribution 3 for tests', () => {
  it.each([
    { auth: 'none', status: 202 },
    { auth: 'htpasswd', status: 401 },
    { auth: 'token', status: 401 },
  ] as const)('answers an upload without a login with $status where the authentication is $auth', async (expected) => {
    await using registry = await startRegistry({ server: 'distribution-3', auth: expected.auth })
    const url = `http://${registry.host}/v2/some/name/blobs/uploads/`
    expect((await fetch(url, { method: 'POST' })).status).toBe(expected.status)
    expect(await registry.requests()).toEqual([`POST /v2/some/name/blobs/uploads/ ${expected.status}`])
  })

  it('takes the login with htpasswd', async () => {
    await using registry = await startRegistry({ server: 'distribution-3', auth: 'htpasswd' })
    const answer = await fetch(`http://${registry.host}/v2/`, { headers: basic(registry.login) })
    expect(answer.status).toBe(200)
  })
})
