// A registry keeps the contract of every store, whichever server it is and however it asks who is there.
import { lacks, type RegistryOptions, type RunningRegistry, startRegistry } from '@polyarch/parts'
import { describeStore, type Leniency } from '@polyarch/parts/store-contract'
import { afterAll, beforeAll, describe } from 'vitest'
import { openRegistry, type RegistryClient } from './index.ts'
import type { QuirkName } from './quirks.ts'
import { createFakeRegistry } from './testing/fake-registry.ts'
import { type FakeServer, startFakeServer } from './testing/fake-server.ts'

const describeServer = (name: string, options: RegistryOptions, leniency: Leniency = {}): void => {
  describe.skipIf(lacks(options.server ?? 'docker-registry'))(name, () => {
    let registry: RunningRegistry
    let client: RegistryClient
    beforeAll(async () => {
      registry = await startRegistry(options)
      client = openRegistry({ login: async () => registry.login })
    })
    afterAll(async () => {
      await client.close()
      await registry.stop()
    })
    describeStore(name, (repository) => client.repository({ host: registry.host, name: repository }), leniency)
  })
}

describeServer('docker-registry 2.8', {})
describeServer('docker-registry 2.8 with a password', { auth: 'htpasswd' })
describeServer('docker-registry 2.8 with tokens', { auth: 'token' })
describeServer('distribution 3', { server: 'distribution-3' })
const leniencyOfZot = { collectsUntagged: true, hidesMissing: true, sharesBlobs: true, listsConfigType: true }
describeServer('zot', { server: 'zot' }, leniencyOfZot)

const describeFake = (name: string, quirks: readonly QuirkName[]): void => {
  describe(name, () => {
    let server: FakeServer
    let client: RegistryClient
    beforeAll(async () => {
      server = await startFakeServer(createFakeRegistry({ quirks }))
      client = openRegistry()
    })
    afterAll(async () => {
      await client.close()
      await server[Symbol.asyncDispose]()
    })
    describeStore(name, (repository) => client.repository({ host: server.host, name: repository }))
  })
}

// The quirks that leave a registry a whole store; what the others do to it is told in quirks.test.ts.
const bearable: readonly QuirkName[] = [
  'relative Location',
  'Location with a query',
  'content by redirect',
  'no Docker-Content-Digest',
  'HEAD needs Accept',
  'no HEAD of manifests',
  'no referrers API',
  'mount answered with an upload',
  'mount refused',
  'mount needs from',
  'single POST takes the blob',
  'no chunks',
  'smallest chunk',
  'no Content-Range of whole blobs',
  'empty upload has Range 0-0',
  'missing content accepted',
  'tags are not deleted',
  'no tags, no list',
  'tags in pages',
]

describeFake('a fake registry without a quirk', [])
for (const quirk of bearable) describeFake(`a fake registry with the quirk "${quirk}"`, [quirk])
describeFake('a fake registry with many quirks', [
  'relative Location',
  'Location with a query',
  'no Docker-Content-Digest',
  'HEAD needs Accept',
  'no referrers API',
  'mount answered with an upload',
  'missing content accepted',
  'tags are not deleted',
  'no tags, no list',
  'tags in pages',
])
