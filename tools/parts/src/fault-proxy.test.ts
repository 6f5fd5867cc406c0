// Each fault as a client meets it, and that the seed decides where.
import { Agent, type IncomingMessage, request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { type FaultOptions, startFaultProxy } from './fault-proxy.ts'
import { startEchoServer } from './fixtures/echo-server.ts'

interface Answer {
  readonly status: number | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

/** One request on a connection of its own; a failure as its code. */
const ask = (host: string, body: Buffer | undefined, path = '/', signal?: AbortSignal): Promise<Answer | string> =>
  new Promise((resolve) => {
    const fail = (error: NodeJS.ErrnoException): void => resolve(error.code ?? error.message)
    const options = { method: body ? 'PUT' : 'GET', agent: new Agent(), ...(signal ? { signal } : {}) }
    request(`http://${host}${path}`, options, (answer) => {
      const { statusCode: status, headers } = answer
      buffer(answer).then((received) => resolve({ status, headers, body: received }), fail)
    })
      .on('error', fail)
      .end(body)
  })

const outcomes = async (options: Omit<FaultOptions, 'target'>, count: number, path: string): Promise<string[]> => {
  await using server = await startEchoServer()
  await using proxy = await startFaultProxy({ ...options, target: server.host })
  const seen: string[] = []
  for (let index = 0; index < count; index += 1) {
    const answer = await ask(proxy.host, undefined, path)
    seen.push(typeof answer === 'string' ? answer : `${answer.status} ${answer.body.length}`)
  }
  return seen
}

test('without a fault everything passes unchanged', async () => {
  await using server = await startEchoServer()
  await using proxy = await startFaultProxy({ target: server.host, seed: 1, refusals: { share: 0, statuses: [500] } })
  const body = Buffer.alloc(3_000_000, 'y')
  const answer = await ask(proxy.host, body, '/path?query=1')
  expect(answer).toMatchObject({ status: 200 })
  expect(typeof answer !== 'string' && answer.body.equals(body)).toBe(true)
  expect(server.requests).toEqual(['PUT /path?query=1'])
  expect(proxy.faults()).toEqual({ reset: 0, truncated: 0, stalled: 0, refused: 0 })
})

test('a share of the connections is reset, the same ones with the same seed', async () => {
  const options = { seed: 7, resets: 0.5, within: 20_000 }
  const first = await outcomes(options, 24, '/30000')
  expect(new Set(first)).toEqual(new Set(['200 30000', 'ECONNRESET']))
  expect(await outcomes(options, 24, '/30000')).toEqual(first)
  expect(await outcomes({ ...options, seed: 8 }, 24, '/30000')).not.toEqual(first)
})

test('a truncated connection ends in the middle of a body', async () => {
  await using server = await startEchoServer()
  await using proxy = await startFaultProxy({ target: server.host, seed: 3, truncations: 1, within: 50_000 })
  expect(await ask(proxy.host, undefined, '/100000')).toBe('ECONNRESET')
  expect(proxy.faults()).toMatchObject({ truncated: 1 })
})

test('a stalled connection neither goes on nor ends, until it is disconnected', async () => {
  await using server = await startEchoServer()
  await using proxy = await startFaultProxy({ target: server.host, seed: 3, stalls: 1, within: 50_000 })
  const patience = new AbortController()
  const pending = ask(proxy.host, undefined, '/100000', patience.signal)
  await expect.poll(() => proxy.faults().stalled).toBe(1)
  proxy.disconnect()
  expect(await pending).toBe('ECONNRESET')
})

test('refusals never reach the server and say when to come back', async () => {
  await using server = await startEchoServer()
  const refusals = { share: 1, statuses: [429, 503], retryAfter: '2' }
  await using proxy = await startFaultProxy({ target: server.host, seed: 5, refusals })
  const statuses = new Set<unknown>()
  for (let count = 0; count < 12; count += 1) {
    const answer = await ask(proxy.host, Buffer.alloc(200_000))
    expect(answer).toMatchObject({ headers: { 'retry-after': '2' } })
    if (typeof answer !== 'string') statuses.add(answer.status)
  }
  expect(statuses).toEqual(new Set([429, 503]))
  expect(proxy.faults().refused).toBe(12)
  expect(server.requests).toEqual([])
  proxy.heal()
  expect(await ask(proxy.host, Buffer.from('now'))).toMatchObject({ status: 200, body: Buffer.from('now') })
})

test('a slow connection delivers everything', async () => {
  await using server = await startEchoServer()
  await using proxy = await startFaultProxy({ target: server.host, seed: 1, bytesPerSecond: 2_000_000 })
  expect(await ask(proxy.host, undefined, '/300000')).toMatchObject({ status: 200, body: { length: 300_000 } })
})
