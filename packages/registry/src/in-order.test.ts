// Manifests under several tags in one round trip: the order, and what becomes of it where something goes wrong.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { sampleImage } from '@polyarch/parts'
import { expect, test } from 'vitest'
import { type FakeReply, startFakeServer } from './testing/fake-server.ts'
import { errorOf, openTestClient } from './testing/samples.ts'

const image = sampleImage({ os: 'linux', architecture: 'amd64' }).manifest
const { digest, size, mediaType } = image.descriptor

const found: FakeReply = {
  status: 200,
  headers: { 'content-type': mediaType, 'docker-content-digest': digest },
  body: image.bytes,
}
const created: FakeReply = { status: 201, headers: { 'docker-content-digest': digest } }

const tagOf = (path: string): string => path.split('/').at(-1) ?? ''

/**
 * A fake server that answers its first request at once, and then nothing until that many more came in on one connection.
 * Where it drops, it answers the first of several and ends the connection.
 */
const startPatientServer = async (patience: number, drops = false) => {
  const asked: string[] = []
  const sockets = new Set<Socket>()
  const answer = (request: string): string =>
    request.startsWith('PUT')
      ? `HTTP/1.1 201 Created\r\ndocker-content-digest: ${digest}\r\ncontent-length: 0\r\n\r\n`
      : `HTTP/1.1 200 OK\r\ncontent-type: ${mediaType}\r\ndocker-content-digest: ${digest}\r\ncontent-length: ${size}\r\n\r\n`
  const server = createServer((socket) => {
    sockets.add(socket)
    let pending = Buffer.alloc(0)
    const waiting: string[] = []
    const takeRequest = (): boolean => {
      const end = pending.indexOf('\r\n\r\n')
      if (end === -1) return false
      const head = pending.subarray(0, end).toString('latin1')
      const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0)
      if (pending.length < end + 4 + length) return false
      pending = pending.subarray(end + 4 + length)
      waiting.push(head.split(' HTTP')[0] ?? '')
      return true
    }
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk])
      while (takeRequest());
      if (asked.length === 1 && waiting.length < patience) return
      const taken = waiting.splice(0)
      const dropped = drops ? taken.splice(1) : []
      for (const request of taken) {
        asked.push(request)
        socket.write(answer(request))
      }
      if (dropped.length > 0) socket.end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

test('all requests are on their way before the first answer, in order', async () => {
  // A server that waited for more than comes together would be waited for in turn, until the test's time is over.
  await using server = await startPatientServer(6)
  await using client = openTestClient()
  const placed: string[] = []
  const store = client.open(server.host)
  // It finds out which scheme the host speaks.
  await store.resolveManifest('1')
  const references = ['1', '2', 'latest']
  expect(await store.placeManifest(image, references, (tag) => placed.push(tag))).toEqual(
    references.map(() => ({ mediaType, digest, size })),
  )
  expect(placed).toEqual(references)
  expect(server.asked.slice(1)).toEqual(
    ['PUT', 'HEAD'].flatMap((method) => references.map((tag) => `${method} /v2/acme/web/manifests/${tag}`)),
  )
})

test('a refusal ends it, and says nothing of those that were placed before', async () => {
  await using server = await startFakeServer(({ method, path }) => {
    if (method !== 'PUT') return found
    return () => (tagOf(path) === '2' ? { status: 403, body: 'this tag is protected' } : created)
  })
  await using client = openTestClient()
  const placed = new Set<string>()
  const work = client.open(server.host).placeManifest(image, ['1', '2', 'latest'], (tag) => placed.add(tag))
  expect((await errorOf(work)).message).toMatch(/manifests\/2: 403 DENIED: this tag is protected$/)
  expect(placed).toContain('1')
  expect(placed).not.toContain('2')
})

test('a server that is busy is asked again after its pause, and what came behind is sent once more', async () => {
  let refusals = 0
  await using server = await startFakeServer(({ method, path }) => {
    if (method !== 'PUT') return found
    return () => {
      if (tagOf(path) !== '2' || refusals > 0) return created
      refusals += 1
      return { status: 429, headers: { 'retry-after': '3' } }
    }
  })
  await using client = openTestClient()
  const outcome = await client.open(server.host).placeManifest(image, ['1', '2', 'latest'])
  expect(outcome.map((entry) => entry?.digest)).toEqual([digest, digest, digest])
  expect(client.retries).toEqual([expect.stringMatching(/manifests\/2: 429 .*attempt 2 follows in 3(?:\.\d)? s$/)])
  const puts = server.requests.filter(({ method }) => method === 'PUT').map(({ path }) => tagOf(path))
  expect(puts.lastIndexOf('latest')).toBeGreaterThan(puts.lastIndexOf('2'))
})

test('a server that stays busy is asked as often as for one tag alone', async () => {
  await using server = await startFakeServer(({ method, path }) => {
    if (method !== 'PUT') return found
    return () => (tagOf(path) === '2' ? { status: 503 } : created)
  })
  await using client = openTestClient({ limits: { attempts: 3 } })
  const work = client.open(server.host).placeManifest(image, ['1', '2', 'latest'])
  expect((await errorOf(work)).message).toMatch(/manifests\/2: 503 .*gave up after 3 attempts/)
  expect(server.requests.filter(({ method, path }) => method === 'PUT' && tagOf(path) === '2')).toHaveLength(3)
  expect(client.retries).toEqual([expect.stringMatching(/; attempt 2 /), expect.stringMatching(/; attempt 3 /)])
})

test('a token that is asked for in the middle is got, and all goes on', async () => {
  let login = false
  await using server = await startFakeServer(({ method, headers }) => {
    if (headers.authorization === undefined) {
      login = true
      return () => ({ status: 401, headers: { 'www-authenticate': 'Basic realm="fake"' } })
    }
    return method === 'PUT' ? () => created : found
  })
  await using client = openTestClient({ login: async () => ({ username: 'ada', password: 'secret' }) })
  const outcome = await client.open(server.host).placeManifest(image, ['1', 'latest'])
  expect(outcome.map((entry) => entry?.digest)).toEqual([digest, digest])
  expect(login).toBe(true)
})

test('a redirect is followed, of what is written and of what is read', async () => {
  await using server = await startFakeServer(({ method, path }) => {
    const elsewhere = { status: 307, headers: { location: path.replace('/acme/', '/moved/') } }
    const isMoved = path.includes('/moved/') || tagOf(path) === '1'
    return method === 'PUT' ? () => (isMoved ? created : elsewhere) : isMoved ? found : elsewhere
  })
  await using client = openTestClient()
  const outcome = await client.open(server.host).placeManifest(image, ['1', '2', 'latest'])
  expect(outcome.map((entry) => entry?.digest)).toEqual([digest, digest, digest])
  expect(client.retries).toEqual([])
})

test('a connection that breaks in the middle is no end', async () => {
  let broken = false
  await using server = await startFakeServer(({ method, path }) => {
    if (method !== 'PUT') return found
    if (tagOf(path) === '2' && !broken) {
      broken = true
      return 'reset'
    }
    return () => created
  })
  await using client = openTestClient()
  const outcome = await client.open(server.host).placeManifest(image, ['1', '2', 'latest'])
  expect(outcome.map((entry) => entry?.digest)).toEqual([digest, digest, digest])
  expect(client.retries).toHaveLength(1)
})

test('what gets no answer is waited for once, not once more for each that is behind it', async () => {
  await using server = await startFakeServer(({ method }) => (method === 'PUT' ? 'reset' : found))
  await using client = openTestClient({ limits: { attempts: 1 } })
  const store = client.open(server.host)
  // It finds out which scheme the host speaks.
  await store.resolveManifest('1')
  await errorOf(store.placeManifest(image, ['1', '2', 'latest']))
  const puts = server.requests.filter(({ method }) => method === 'PUT')
  expect(puts.map(({ path }) => tagOf(path))).toEqual(['1', '2', 'latest'])
})

test('a server that ends the connection with each answer gets the rest on others', async () => {
  await using server = await startFakeServer(({ method }) => {
    const headers = { ...(method === 'PUT' ? created : found).headers, connection: 'close' }
    return method === 'PUT' ? () => ({ ...created, headers }) : { ...found, headers }
  })
  await using client = openTestClient()
  const placed: string[] = []
  const outcome = await client.open(server.host).placeManifest(image, ['1', '2', 'latest'], (tag) => placed.push(tag))
  expect(outcome.map((entry) => entry?.digest)).toEqual([digest, digest, digest])
  expect([...new Set(placed)]).toEqual(['1', '2', 'latest'])
})

test('a server that drops what comes behind a request gets one at a time from then on', async () => {
  await using server = await startPatientServer(6, true)
  await using client = openTestClient()
  const store = client.open(server.host)
  // It finds out which scheme the host speaks.
  await store.resolveManifest('1')
  const references = ['1', '2', 'latest']
  for (let times = 0; times < 2; times += 1) {
    const outcome = await store.placeManifest(image, references)
    expect(outcome.map((entry) => entry?.digest)).toEqual([digest, digest, digest])
  }
  expect(client.retries).toEqual([expect.stringMatching(/PUT .*manifests\/2: .* it broke the connection; attempt 2 /)])
})

test.each([405, 501])('a server that answers HEAD with %d is asked with GET', async (status) => {
  await using server = await startFakeServer(({ method }) => {
    if (method === 'PUT') return () => created
    return method === 'HEAD' ? { status } : found
  })
  await using client = openTestClient()
  const outcome = await client.open(server.host).placeManifest(image, ['1', 'latest'])
  expect(outcome.map((entry) => entry?.digest)).toEqual([digest, digest])
})

test('a tag that reads back as nothing is asked for again before that is believed', async () => {
  const asked: string[] = []
  await using server = await startFakeServer(({ method, path }) => {
    if (method === 'PUT') return () => created
    asked.push(tagOf(path))
    const times = asked.filter((tag) => tag === tagOf(path)).length
    return tagOf(path) === 'lost' || (tagOf(path) === 'late' && times === 1) ? { status: 404 } : found
  })
  await using client = openTestClient()
  const outcome = await client.open(server.host).placeManifest(image, ['late', 'lost'])
  expect(outcome.map((entry) => entry?.digest)).toEqual([digest, undefined])
})
