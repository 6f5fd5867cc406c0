// The way to a registry with a certificate of its own: what a step's inputs and environment say about it.
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TlsOptions } from 'node:tls'
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
const startFront = async (registry: string, own: SelfSignedCertificate, wanted?: TlsOptions): Promise<Server> => {
  const front = createServer({ key: own.key, cert: own.certificate, ...wanted }, (asked, answer) => {
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
  let own: SelfSignedCertificate
  beforeAll(async () => {
    directory = await temporaryDirectory('certificate')
    own = await createCertificate('registry', ['registry.example'])
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

  describe('that asks who connects', () => {
    let asking: Server
    let place: string
    beforeAll(async () => {
      const client = await createCertificate('the client')
      const wanted = { ca: client.certificate, requestCert: true, rejectUnauthorized: true }
      asking = await startFront(registry.host, own, wanted)
      place = `127.0.0.1:${(asking.address() as AddressInfo).port}`
      await writeFile(join(directory.path, 'client.pem'), client.certificate)
      await writeFile(join(directory.path, 'client-key.pem'), client.key)
      await writeFile(join(directory.path, 'other-key.pem'), (await createCertificate('another')).key)
    })
    afterAll(() => {
      asking.closeAllConnections()
      asking.close()
    })

    test('is shown the certificate of client-certificates', async () => {
      const certificates = `registry.example=client.pem,client-key.pem\n${place}=client.pem, client-key.pem`
      await using stores = await open({ 'ca-file': 'ca.pem', 'client-certificates': certificates })
      await pushSampleImage(webOf(stores, place), image, 'shown')
    })

    test('is not shown that of another host', async () => {
      const certificates = 'registry.example=client.pem,client-key.pem'
      await using stores = await open({ 'ca-file': 'ca.pem', 'client-certificates': certificates })
      const unreachable = { code: 'UNREACHABLE', message: expect.stringContaining(`${place}: it broke the connection`) }
      await expect(webOf(stores, place).resolveManifest('shown')).rejects.toMatchObject(unreachable)
    })

    const line = 'input client-certificates, line 1: expected host=certificate.pem,key.pem'
    test.each([
      ['client.pem,client-key.pem', line],
      ['registry.example=client.pem', line],
      ['https://registry.example=client.pem,client-key.pem', line],
      ['-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG=,A', line],
      ['a.example=client.pem,client-key.pem\na.example=client.pem,client-key.pem', 'a.example has more than one line'],
      ['a.example=no.pem,client-key.pem', /client-certificates: cannot read .*no\.pem \(ENOENT\)$/],
      ['a.example=client-key.pem,client-key.pem', /client-certificates: .*client-key\.pem holds no PEM certificate$/],
      ['a.example=client.pem,client.pem', /client-certificates: .*client\.pem holds no PEM private key/],
      ['a.example=client.pem,other-key.pem', /other-key\.pem is not the key of .*client\.pem$/],
    ])('is a mistake of the user where the input is %j', async (certificates, message) => {
      const failure: unknown = await open({ 'client-certificates': certificates }).catch((thrown: unknown) => thrown)
      expect(failure).toMatchObject({
        kind: 'input',
        message: typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
      })
      expect((failure as Error).message).not.toMatch(/MIGH|BEGIN|\n/)
    })
  })
})
