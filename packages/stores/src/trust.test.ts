// The way to a registry with a certificate of its own: what a step's inputs and environment say about it.
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { openHost, parseInputs } from '@polyarch/ci-host'
import { parseStoreLocation, type Store } from '@polyarch/oci'
import {
  createCertificate,
  lacks,
  pushSampleImage,
  type RunningRegistry,
  type SelfSignedCertificate,
  sampleImage,
  startForwardProxy,
  startRegistry,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { openStores, type Stores, storeInputs } from './index.ts'

const image = sampleImage({ os: 'linux', architecture: 'amd64' })

/** Passes on to a registry what arrives over TLS. */
const startFront = async (registry: string, own: SelfSignedCertificate): Promise<Server> => {
  const front = createServer({ key: own.key, cert: own.certificate }, (asked, answer) => {
    const { method, url, headers } = asked
    const passed = request(`http://${registry}${url}`, { method, headers }, (inner) => {
      answer.writeHead(inner.statusCode ?? 500, inner.headers)
      inner.pipe(answer)
    })
    asked.pipe(passed)
  })
  await once(front.listen(0, '127.0.0.1'), 'listening')
  return front
}

describe.skipIf(lacks('docker-registry'))('a registry with a certificate of its own', () => {
  let directory: TemporaryDirectory
  let registry: RunningRegistry
  let front: Server
  let host: string
  beforeAll(async () => {
    directory = await temporaryDirectory('certificate')
    const own = await createCertificate('registry', ['registry.example'])
    await writeFile(join(directory.path, 'ca.pem'), own.certificate)
    registry = await startRegistry()
    front = await startFront(registry.host, own)
    host = `127.0.0.1:${(front.address() as AddressInfo).port}`
  })
  afterAll(async () => {
    front.closeAllConnections()
    front.close()
    await registry.stop()
    await directory[Symbol.asyncDispose]()
  })

  const open = (inputs: Record<string, string>, env: Record<string, string> = {}): Promise<Stores> =>
    openStores(parseInputs({ inputs: z.object(storeInputs) }, inputs), openHost(env, directory.path))
  const webOf = (stores: Stores, name = host): Store => stores.open(parseStoreLocation(`${name}/web`))

  test('is trusted with its ca-file', async () => {
    await using stores = await open({ 'ca-file': 'ca.pem' })
    await pushSampleImage(webOf(stores), image, 'latest')
  })

  test('is trusted where insecure-registries names it', async () => {
    await using stores = await open({ 'insecure-registries': host })
    await pushSampleImage(webOf(stores), image, 'latest')
  })

  test('is not trusted otherwise, and the error says so', async () => {
    await using stores = await open({})
    await expect(webOf(stores).resolveManifest('latest')).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: expect.stringMatching(/certificate/),
    })
  })

  test('is reached through the tunnel of the proxy that the environment names, with its ca-file', async () => {
    await using proxy = await startForwardProxy({ target: host, login: 'ada:open-sesame' })
    const env = { HTTPS_PROXY: `http://ada:open-sesame@${proxy.host}` }
    await using stores = await open({ 'ca-file': 'ca.pem' }, env)
    const store = webOf(stores, 'registry.example')
    await pushSampleImage(store, image, 'tunnelled')
    expect((await store.resolveManifest('tunnelled')).digest).toBe(image.manifest.descriptor.digest)
    expect(new Set(proxy.asked)).toEqual(new Set(['CONNECT registry.example:443']))
  })
})
