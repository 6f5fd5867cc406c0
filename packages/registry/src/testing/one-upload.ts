// A registry that knows one upload, and what tests look at in the requests that it gets.
import type { FakeOutcome, FakeScript, FakeServer } from './fake-server.ts'

export const uploads = '/v2/acme/web/blobs/uploads/'
export const session = `${uploads}1?_state=a%2Fb`

export const methodsOf = (server: FakeServer): string[] => server.requests.map(({ method }) => method)

/** A registry of one upload; what `over` answers goes first. */
export const script =
  (over: FakeScript = () => undefined): FakeScript =>
  (request) => {
    const special = over(request)
    if (special !== undefined) return special
    if (request.method === 'POST') return { status: 202, headers: { location: session } }
    if (request.method === 'PUT') return () => ({ status: 201 })
    return { status: 404 }
  }

/** Answers the first requests of a method with the outcomes, in turn. */
export const first = (method: string, ...outcomes: FakeOutcome[]): FakeScript => {
  const left = [...outcomes]
  return (request) => (request.method === method ? left.shift() : undefined)
}
