// A token server for a registry: the docker token flow over GET and the OAuth2 flow over POST, with its own key.
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { importPKCS8, SignJWT } from 'jose'
import { runProgram } from './program.ts'

/** What a client asked the token server for; secrets are not kept. */
export interface TokenRequest {
  readonly method: 'GET' | 'POST'
  /** What proved who asks; `none` for an anonymous request. */
  readonly proof: 'none' | 'basic' | 'password' | 'refresh_token'
  readonly scopes: readonly string[]
  readonly status: number
}

export interface TokenServer {
  readonly realm: string
  readonly service: string
  readonly issuer: string
  /** The certificate (PEM) with which the registry verifies tokens. */
  readonly certificatePath: string
  /** An identity token (docker config's `identitytoken`) for the login. */
  readonly refreshToken: string
  requests(): readonly TokenRequest[]
  stop(): Promise<void>
}

export interface TokenServerOptions {
  readonly login: { readonly username: string; readonly password: string }
  /** How many seconds a token is good for; default 300. */
  readonly lifetime?: number
  /** Whether anyone may pull. */
  readonly anonymousPull?: boolean
  /** Whether a repository exists: of one that does not, nobody gets a token only to pull. Default: all exist. */
  readonly exists?: (name: string) => Promise<boolean>
}

interface Access {
  readonly type: string
  readonly name: string
  readonly actions: readonly string[]
}

/** The registry accepts a token this many seconds after it expired (distribution, registry/auth/token). */
const leeway = 60

const parseScope = (scope: string): Access => {
  const [type = '', ...rest] = scope.split(':')
  return { type, name: rest.slice(0, -1).join(':'), actions: (rest.at(-1) ?? '').split(',') }
}

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** Starts a token server on a free loopback port; its key and certificate are written into the directory. */
export const startTokenServer = async (directory: string, options: TokenServerOptions): Promise<TokenServer> => {
  const { login, lifetime = 300, anonymousPull = false, exists = async () => true } = options
  const service = 'polyarch-registry'
  const issuer = 'polyarch-tokens'
  const keyPath = join(directory, 'token.key')
  const certificatePath = join(directory, 'token.crt')
  const algorithm = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const files = ['-keyout', keyPath, '-out', certificatePath, '-days', '2', '-subj', `/CN=${issuer}`]
  await runProgram('openssl', ['req', '-x509', ...algorithm, ...files])
  const key = await importPKCS8(await readFile(keyPath, 'utf8'), 'ES256')
  const certificate = (await readFile(certificatePath, 'utf8')).replaceAll(/-----[^-]+-----|\s/g, '')
  const refreshToken = randomBytes(24).toString('base64url')
  const requests: TokenRequest[] = []

  const sign = (subject: string, access: readonly Access[]): Promise<string> => {
    const now = Math.floor(Date.now() / 1000)
    return new SignJWT({ access })
      .setProtectedHeader({ alg: 'ES256', typ: 'JWT', x5c: [certificate] })
      .setIssuer(issuer)
      .setSubject(subject)
      .setAudience(service)
      .setJti(randomBytes(12).toString('hex'))
      .setIssuedAt(now)
      .setNotBefore(now - 30)
      .setExpirationTime(now + lifetime - leeway)
      .sign(key)
  }

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://token.server')
    const post = request.method === 'POST'
    const parameters = post ? new URLSearchParams(await readBody(request)) : url.searchParams
    const scopes = parameters.getAll('scope').flatMap((scope) => scope.split(' ').filter((part) => part !== ''))
    const basic = /^Basic (.+)$/i.exec(request.headers.authorization ?? '')?.[1]
    const grant = parameters.get('grant_type')
    const proof = post ? (grant === 'refresh_token' ? grant : 'password') : basic ? 'basic' : 'none'
    const proven = {
      none: true,
      basic: Buffer.from(basic ?? '', 'base64').toString() === `${login.username}:${login.password}`,
      password: parameters.get('username') === login.username && parameters.get('password') === login.password,
      refresh_token: parameters.get('refresh_token') === refreshToken,
    }[proof]
    const known = proof !== 'none'
    const access = scopes.map(parseScope).map((scope) => ({
      ...scope,
      actions: known ? scope.actions : scope.actions.filter((action) => anonymousPull && action === 'pull'),
    }))
    const hidden = await Promise.all(
      access.map(async ({ name, actions }) => !actions.includes('push') && !(await exists(name))),
    )
    const status = !proven ? 401 : hidden.includes(true) ? 403 : 200
    requests.push({ method: post ? 'POST' : 'GET', proof, scopes, status })
    response.writeHead(status, { 'content-type': 'application/json' })
    if (status !== 200) {
      const error = proven
        ? { code: 'DENIED', message: 'requested access to the resource is denied' }
        : { code: 'UNAUTHORIZED', message: 'wrong username or password' }
      response.end(JSON.stringify({ errors: [error] }))
      return
    }
    const token = await sign(known ? login.username : '', access)
    response.end(
      JSON.stringify({
        ...(post ? {} : { token }),
        access_token: token,
        expires_in: lifetime,
        issued_at: new Date().toISOString(),
        ...(known && (post || parameters.get('offline_token') === 'true') ? { refresh_token: refreshToken } : {}),
      }),
    )
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    realm: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`,
    service,
    issuer,
    certificatePath,
    refreshToken,
    requests: () => [...requests],
    stop: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()))
        server.closeAllConnections()
      }),
  }
}
