// Through the latency proxy: the same bytes, later; and what it counts.
import { createHash, randomBytes } from 'node:crypto'
import { Agent, request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { startEchoServer } from './fixtures/echo-server.ts'
import { startLatencyProxy } from './latency-proxy.ts'

const send = (host: string, path: string, agent: Agent, body?: Buffer): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    request(`http://${host}${path}`, { method: body ? 'PUT' : 'GET', agent }, (answer) => {
      buffer(answer).then(resolve, reject)
    })
      .on('error', reject)
      .end(body)
  })

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

test('what goes through arrives unchanged in both directions, also when it is more than may be underway', async () => {
  await using server = await startEchoServer()
  await using proxy = await startLatencyProxy({ target: server.host, roundTripMs: 4 })
  const body = randomBytes(40 * 1024 * 1024)
  const echoed = await send(proxy.host, '/', new Agent(), body)
  expect(digest(echoed)).toBe(digest(body))
})

test('a request takes a round trip, and the first one of a connection another', async () => {
  await using server = await startEchoServer()
  await using proxy = await startLatencyProxy({ target: server.host, roundTripMs: 30 })
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let count = 0; count < 3; count += 1) await send(proxy.host, '/1', agent)
  agent.destroy()
  const { connections, exchanges } = proxy.traffic()
  expect(connections).toBe(1)
  const [first = 0, second = 0, third = 0] = exchanges.map(({ startedAt, endedAt }) => endedAt - startedAt)
  expect(first).toBeGreaterThanOrEqual(60)
  expect(second).toBeGreaterThanOrEqual(30)
  expect(third).toBeGreaterThanOrEqual(30)
})

test('requests and connections are counted, anew after it forgets', async () => {
  await using server = await startEchoServer()
  await using proxy = await startLatencyProxy({ target: server.host, roundTripMs: 0 })
  const agent = new Agent({ keepAlive: true, maxSockets: 3 })
  const burst = (count: number) => Promise.all(Array.from({ length: count }, () => send(proxy.host, '/70000', agent)))
  await burst(12)
  expect(proxy.traffic()).toMatchObject({ connections: 3, exchanges: { length: 12 } })
  proxy.forget()
  await burst(2)
  expect(proxy.traffic()).toMatchObject({ connections: 0, exchanges: { length: 2 } })
  agent.destroy()
})

test('a server that is not there resets the connection', async () => {
  const server = await startEchoServer()
  await server[Symbol.asyncDispose]()
  await using proxy = await startLatencyProxy({ target: server.host, roundTripMs: 1 })
  await expect(send(proxy.host, '/1', new Agent())).rejects.toMatchObject({ code: 'ECONNRESET' })
})
