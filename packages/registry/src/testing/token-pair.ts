// A fake registry that wants tokens, with a fake token server of its own.
import { type FakeRequest, type FakeServer, startFakeServer } from './fake-server.ts'

/** A registry that wants tokens, and the server that gives them; both on their own origin. */
export const startTokenPair = async (
  options: {
    expiresIn?: number
    answer?: (request: FakeRequest, token: string) => { status: number; body?: string }
    accepts?: (token: string) => boolean
  } = {},
): Promise<AsyncDisposable & { registry: FakeServer; tokens: FakeServer }> => {
  let issued = 0
  const tokens = await startFakeServer(() => (request) => {
    issued += 1
    return (
      options.answer?.(request, `token-${issued}`) ?? {
        status: 200,
        body: JSON.stringify({ token: `token-${issued}`, expires_in: options.expiresIn ?? 300 }),
      }
    )
  })
  const registry = await startFakeServer(({ headers, method, path }) => {
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1]
    if (token !== undefined && (options.accepts?.(token) ?? true)) {
      if (method === 'POST') return { status: 202, headers: { location: '/v2/acme/web/blobs/uploads/1' } }
      if (path.includes('/manifests/') && method === 'HEAD') return { status: 404 }
      return { status: 201 }
    }
    return {
      status: 401,
      headers: {
        'www-authenticate': [
          'Basic realm="other"',
          `Bearer realm="${tokens.origin}/token",service="fake",scope="repository:acme/web:pull"`,
        ],
      },
    }
  })
  return {
    registry,
    tokens,
    [Symbol.asyncDispose]: async () => {
      await registry[Symbol.asyncDispose]()
      await tokens[Symbol.asyncDispose]()
    },
  }
}
