// A registry keeps the contract of every store, whichever server it is and however it asks who is there.
import { lacks, type RegistryOptions, type RunningRegistry, startRegistry } from '@polyarch/parts'
import { describeStore } from '@polyarch/parts/store-contract'
import { afterAll, beforeAll, describe } from 'vitest'
import { openRegistry, type RegistryClient } from './index.ts'

const describeServer = (name: string, options: RegistryOptions): void => {
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
    describeStore(name, (repository) => client.repository({ host: registry.host, name: repository }))
  })
}

describeServer('docker-registry 2.8', {})
describeServer('docker-registry 2.8 with a password', { auth: 'htpasswd' })
describeServer('docker-registry 2.8 with tokens', { auth: 'token' })
describeServer('distribution 3', { server: 'distribution-3' })
