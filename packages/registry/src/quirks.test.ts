// Each quirk of docs/registries.md on the fake registry that has it: what a user gets is what any registry would give.
import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type BlobArrival,
  copyManifest,
  type Descriptor,
  isStoreError,
  mediaTypes,
  type OnBytes,
  type Repository,
  type Store,
} from '@polyarch/oci'
import { createCertificate, pushSampleImage, sampleBlob, sampleContent, sampleImage } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { apiHostOf, type Quirk, type QuirkName, quirks } from './quirks.ts'
import { createFakeRegistry, type FakeRegistrySettings } from './testing/fake-registry.ts'
import { type FakeReply, type FakeScript, type FakeServer, startFakeServer } from './testing/fake-server.ts'
import { errorOf, openTestClient, readAll, type TestClient } from './testing/samples.ts'

interface Scene {
  readonly server: FakeServer
  readonly client: TestClient
  readonly store: Store
  /** Another repository of the same registry. */
  readonly other: Store
}

const image = sampleImage({ os: 'linux', architecture: 'amd64' })
const { digest } = image.manifest.descriptor
const blob = sampleBlob(randomBytes(200_000))

/** Plays on a fake registry; `over` answers first. */
const play = async (
  settings: FakeRegistrySettings,
  work: (scene: Scene) => Promise<void>,
  over: FakeScript = () => undefined,
  options: Parameters<typeof openTestClient>[0] = {},
): Promise<void> => {
  const registry = createFakeRegistry(settings)
  await using server = await startFakeServer((request) => over(request) ?? registry(request))
  await using client = openTestClient(options)
  await work({ server, client, store: client.open(server.host), other: client.open(server.host, 'acme/base') })
}

const methodsOf = (server: FakeServer, path = '/blobs/'): string[] =>
  server.requests.filter((request) => request.path.includes(path)).map(({ method }) => method)

const push = async (store: Store, mountFrom: readonly Repository[] = []): Promise<BlobArrival> =>
  await store.pushBlob(blob.descriptor, sampleContent(blob.bytes), { mountFrom })

const expectBlob = async (store: Store): Promise<void> => {
  expect((await readAll(store.getBlob(blob.descriptor))).equals(blob.bytes)).toBe(true)
}

/** A manifest that refers to the image. */
const signature = (() => {
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      artifactType: 'application/vnd.example.signature',
      config: { mediaType: mediaTypes.ociEmpty, digest: sampleBlob('{}').descriptor.digest, size: 2 },
      layers: [],
      subject: image.manifest.descriptor,
    }),
  )
  const descriptor: Descriptor = {
    mediaType: mediaTypes.ociManifest,
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    size: bytes.length,
  }
  return { bytes, descriptor }
})()

/** How registries refuse a tag that exists. */
const immutableReplies: Readonly<Record<string, FakeReply>> = {
  ECR: { status: 400, body: '{"errors":[{"code":"TAG_INVALID","message":"cannot be overwritten"}]}' },
  Harbor: { status: 412, body: '{"errors":[{"code":"PRECONDITION","message":"configured as immutable"}]}' },
  ACR: { status: 405, body: '{"errors":[{"code":"REGISTRY_DISALLOWED_OPERATION"}]}' },
  Artifactory: { status: 403, body: '{"errors":[{"code":"DENIED"}]}' },
  Quay: { status: 409, body: '{"errors":[{"code":"TAG_IMMUTABLE"}]}' },
  'Artifact Registry': { status: 400, body: '{"errors":[{"code":"MANIFEST_INVALID","message":"tag immutability"}]}' },
}

const proofs: Readonly<Record<QuirkName, () => Promise<void>>> = {
  'api on another host': async () => {
    expect(['docker.io', 'Index.Docker.io', 'ghcr.io', 'localhost:5000'].map(apiHostOf)).toEqual([
      'registry-1.docker.io',
      'registry-1.docker.io',
      'ghcr.io',
      'localhost:5000',
    ])
  },

  'relative Location': () =>
    play({ quirks: ['relative Location'] }, async ({ server, store }) => {
      await push(store)
      expect(server.requests.map(({ path }) => path.split('/')[1])).toEqual(['v2', 'uploads-of'])
      await expectBlob(store)
    }),

  'Location with a query': () =>
    play({ quirks: ['Location with a query'] }, async ({ server, store }) => {
      await push(store)
      const { searchParams } = new URL(server.requests.at(-1)?.path ?? '', server.origin)
      expect(searchParams.get('_state')).toMatch(/^0\/[\w-]+$/)
      expect(searchParams.get('digest')).toBe(blob.descriptor.digest)
      await expectBlob(store)
    }),

  'Location with http behind TLS': async () => {
    const { key, certificate } = await createCertificate()
    // The fake always names itself with http:.
    await using server = await startFakeServer(createFakeRegistry(), { key, cert: certificate })
    await using client = openTestClient({ certificateAuthorities: certificate })
    const store = client.open(server.host)
    await push(store)
    await expectBlob(store)
  },

  'content by redirect': () =>
    play(
      { quirks: ['content by redirect'] },
      async ({ server, store }) => {
        await push(store)
        await expectBlob(store)
        const reads = server.requests.filter(({ method }) => method === 'GET')
        expect(
          reads.map(({ path, headers }) => [path.includes('signed'), headers.authorization !== undefined]),
        ).toEqual([
          [false, true],
          [true, false],
        ])
      },
      ({ headers, path }) =>
        headers.authorization === undefined && !path.includes('signed')
          ? { status: 401, headers: { 'www-authenticate': 'Basic realm="fake"' } }
          : undefined,
      { login: async () => ({ username: 'ada', password: 'open sesame' }) },
    ),

  'no Docker-Content-Digest': () =>
    play({ quirks: ['no Docker-Content-Digest'] }, async ({ store }) => {
      await pushSampleImage(store, image, 'latest')
      expect((await store.resolveManifest('latest')).digest).toBe(digest)
    }),

  'HEAD needs Accept': () =>
    play({ quirks: ['HEAD needs Accept'] }, async ({ store }) => {
      await pushSampleImage(store, image, 'latest')
      expect((await store.resolveManifest('latest')).digest).toBe(digest)
    }),

  'no HEAD of manifests': () =>
    play({ quirks: ['no HEAD of manifests'] }, async ({ store }) => {
      await pushSampleImage(store, image, 'latest')
      expect((await store.resolveManifest('latest')).digest).toBe(digest)
    }),

  'no referrers API': () =>
    play({ quirks: ['no referrers API'] }, async ({ store }) => {
      await pushSampleImage(store, image)
      await store.pushBlob(sampleBlob('{}').descriptor, sampleContent(Buffer.from('{}')))
      await store.pushManifest(signature)
      expect(await store.listTags()).toEqual([digest.replace(':', '-')])
      expect((await store.listReferrers(digest)).map((found) => found.digest)).toEqual([signature.descriptor.digest])
    }),

  'mount answered with an upload': () =>
    play({ quirks: ['mount answered with an upload'] }, async ({ server, store, other }) => {
      await push(other)
      const before = server.requests.length
      await push(store)
      expect(server.requests.slice(before).map(({ method }) => method)).toEqual(['POST', 'PUT'])
      await expectBlob(store)
    }),

  'mount refused': () =>
    play({ quirks: ['mount refused'] }, async ({ server, store, other }) => {
      await push(other)
      expect(await push(store, [{ host: server.host, name: 'acme/base' }])).toBe('uploaded')
      expect(methodsOf(server, 'mount=')).toEqual(['POST'])
      await expectBlob(store)
    }),

  'mount needs the other scope': () =>
    play(
      {},
      async ({ server, store, other }) => {
        await push(other)
        await push(store)
        expect(methodsOf(server, 'mount=')).toEqual(['POST'])
      },
      ({ method, path, headers }) => {
        if (path.startsWith('/token')) {
          const scopes = new URL(path, 'http://fake').searchParams.getAll('scope')
          return { status: 200, body: JSON.stringify({ token: Buffer.from(scopes.join(' ')).toString('base64url') }) }
        }
        const granted = Buffer.from((headers.authorization ?? '').replace('Bearer ', ''), 'base64url').toString()
        const needsBoth = path.includes('mount=') && !/acme\/base:pull.*acme\/web:pull,push/.test(granted)
        return headers.authorization === undefined || needsBoth
          ? { status: 401, headers: { 'www-authenticate': `Bearer realm="http://${headers.host}/token"` } }
          : method === 'POST' && path.includes('mount=')
            ? { status: 201 }
            : undefined
      },
    ),

  'mount needs from': () =>
    play({ quirks: ['mount needs from'] }, async ({ server, store, other }) => {
      await push(other)
      expect(await push(store, [{ host: server.host, name: 'acme/base' }])).toBe('mounted')
      await expectBlob(store)
    }),

  'single POST takes no blob': () =>
    play({}, async ({ server, store }) => {
      await pushSampleImage(store, image)
      expect(methodsOf(server, 'uploads/?digest=')).toEqual(['POST'])
      expect((await store.resolveManifest(digest)).digest).toBe(digest)
    }),

  'single POST takes the blob': () =>
    play({ quirks: ['single POST takes the blob'] }, async ({ server, store }) => {
      const small = sampleBlob('a small one first')
      await store.pushBlob(small.descriptor, sampleContent(small.bytes))
      await push(store)
      expect(methodsOf(server)).toEqual(['POST', 'POST'])
      await expectBlob(store)
    }),

  'no chunks': () =>
    play({ quirks: ['no chunks', 'smallest chunk'] }, async ({ server, store }) => {
      const large = sampleBlob(randomBytes(40_000_000))
      await store.pushBlob(large.descriptor, sampleContent(large.bytes))
      await push(store)
      // The second chunk is lost: the upload begins again, whole.
      expect(methodsOf(server)).toEqual(['POST', 'PATCH', 'PATCH', 'POST', 'PUT', 'POST', 'PUT'])
      expect(await store.resolveBlob(large.descriptor.digest)).toBe(large.bytes.length)
    }),

  'smallest chunk': () =>
    play({ quirks: ['smallest chunk'], chunkMinLength: 18_000_000 }, async ({ server, store }) => {
      const large = sampleBlob(randomBytes(40_000_000))
      let told = 0
      const onBytes: OnBytes = (_, bytes) => {
        told += bytes
      }
      await store.pushBlob(large.descriptor, sampleContent(large.bytes), { onBytes })
      await push(store)
      expect(server.requests.map(({ method, body }) => [method, body.length])).toEqual([
        ['POST', 0],
        ['PATCH', 18_000_000],
        ['PATCH', 18_000_000],
        ['PUT', 4_000_000],
        ['POST', 0],
        ['PUT', blob.bytes.length],
      ])
      expect(told).toBe(large.bytes.length)
      expect((await readAll(store.getBlob(large.descriptor))).equals(large.bytes)).toBe(true)
    }),

  'no Content-Range of whole blobs': () =>
    play({ quirks: ['no Content-Range of whole blobs'] }, async ({ server, store }) => {
      await push(store)
      expect(server.requests.at(-1)?.headers['content-range']).toBeUndefined()
    }),

  'empty upload has Range 0-0': async () => {
    let breaks = 1
    await play(
      { quirks: ['empty upload has Range 0-0'] },
      async ({ store }) => {
        await push(store)
        await expectBlob(store)
      },
      ({ method }) => (method === 'PUT' && breaks-- > 0 ? { resetAfter: 1 } : undefined),
    )
  },

  'missing content refused': () =>
    play({}, async ({ store }) => {
      const error = await errorOf(store.pushManifest(image.manifest, 'latest'))
      expect(isStoreError(error, 'MANIFEST_BLOB_UNKNOWN') && error.missing.length).toBe(1 + image.layers.length)
      expect(store.refusesMissingContent).toBe(true)
    }),

  'missing content accepted': () =>
    play({ quirks: ['missing content accepted'] }, async ({ store }) => {
      await store.pushManifest(image.manifest, 'latest')
      expect(store.refusesMissingContent).toBe(false)
    }),

  'manifest too large': () =>
    play({ manifestLimit: 100 }, async ({ server, store, client }) => {
      const error = await errorOf(pushSampleImage(store, image, 'latest'))
      expect(error.message).toContain(`takes no manifest of ${image.manifest.bytes.length} bytes`)
      expect([methodsOf(server, '/manifests/').filter((method) => method === 'PUT').length, client.retries]).toEqual([
        1,
        [],
      ])
    }),

  'immutable tags': async () => {
    for (const immutableReply of Object.values(immutableReplies))
      await play({ quirks: ['immutable tags'], immutableReply }, async ({ store }) => {
        await pushSampleImage(store, image, '1.0')
        await store.pushManifest(image.manifest, '1.0')
        const next = sampleImage({ os: 'linux', architecture: 'amd64' }, ['changed'])
        const error = await errorOf(pushSampleImage(store, next, '1.0'))
        expect(isStoreError(error) && error.request?.status).toBe(immutableReply.status)
        expect((await store.resolveManifest('1.0')).digest).toBe(digest)
      })
  },

  'untagged manifests collected': () =>
    play({ quirks: ['untagged manifests collected'] }, async ({ store }) => {
      await pushSampleImage(store, image)
      expect(isStoreError(await errorOf(store.resolveManifest(digest)), 'MANIFEST_UNKNOWN')).toBe(true)
      await store.pushManifest(image.manifest, 'anchor')
      expect((await store.resolveManifest(digest)).digest).toBe(digest)
      await store.deleteManifest('anchor')
      expect(await store.listTags()).toEqual([])
    }),

  'tags are not deleted': () =>
    play({ quirks: ['tags are not deleted'] }, async ({ store }) => {
      await pushSampleImage(store, image, 'latest')
      expect(isStoreError(await errorOf(store.deleteManifest('latest')), 'UNSUPPORTED')).toBe(true)
      expect(await store.listTags()).toEqual(['latest'])
    }),

  'no tags, no list': () =>
    play({ quirks: ['no tags, no list'] }, async ({ store }) => {
      expect(await store.listTags()).toEqual([])
      await pushSampleImage(store, image, 'latest')
      expect(await store.listTags()).toEqual(['latest'])
    }),

  'tags in pages': () =>
    play({ quirks: ['tags in pages'] }, async ({ server, store }) => {
      for (const tag of ['1', '2', '3', '4', '5']) await pushSampleImage(store, image, tag)
      expect(await store.listTags()).toEqual(['1', '2', '3', '4', '5'])
      expect(methodsOf(server, '/tags/list')).toHaveLength(3)
    }),

  'reads need a token to read': () =>
    play(
      {},
      async ({ server, store }) => {
        expect(await store.listTags()).toEqual([])
        expect(methodsOf(server, '/token')).toEqual(['GET'])
      },
      ({ path, headers }) => {
        if (path.startsWith('/token'))
          return new URL(path, 'http://fake').searchParams.get('scope') === 'repository:acme/web:pull'
            ? { status: 200, body: '{"token":"for-reading"}' }
            : { status: 403 }
        return headers.authorization === undefined
          ? { status: 401, headers: { 'www-authenticate': `Bearer realm="http://${headers.host}/token"` } }
          : undefined
      },
    ),

  'nothing to read needs a token to push': () =>
    play(
      {},
      async ({ server, client }) => {
        const store = client.open(server.host, 'acme/web', 'write')
        expect(await errorOf(store.resolveManifest('v1'))).toMatchObject({ code: 'MANIFEST_UNKNOWN' })
        expect(methodsOf(server, '/token')).toEqual(['GET'])
      },
      ({ path, headers }) => {
        if (path.startsWith('/token'))
          return new URL(path, 'http://fake').searchParams.get('scope') === 'repository:acme/web:pull,push'
            ? { status: 200, body: '{"token":"for-pushing"}' }
            : { status: 403 }
        return headers.authorization === undefined
          ? { status: 401, headers: { 'www-authenticate': `Bearer realm="http://${headers.host}/token"` } }
          : undefined
      },
    ),

  'absence denied': () =>
    play(
      {},
      async ({ server, store }) => {
        await using source = await startFakeServer(createFakeRegistry())
        await using client = openTestClient()
        const from = client.open(source.host)
        await pushSampleImage(from, image)
        await copyManifest(from, store, image.manifest.descriptor)
        expect(methodsOf(server, '/manifests/')).toEqual(['HEAD', 'PUT', 'PUT'])
        expect((await store.getManifest(digest)).descriptor.digest).toBe(digest)
        // Who may not write hears that of the write.
        const refused = await errorOf(copyManifest(from, client.open(server.host, 'denied'), image.manifest.descriptor))
        expect(refused.message).toMatch(/^PUT \S+\/v2\/denied\/manifests\/\S+ 403 DENIED/)
      },
      ({ method, path }) => (method === 'HEAD' || path.startsWith('/v2/denied/') ? { status: 403 } : undefined),
    ),

  'token named access_token': () =>
    play(
      {},
      async ({ store }) => expect(await store.listTags()).toEqual([]),
      ({ path, headers }) => {
        if (path.startsWith('/token')) return { status: 200, body: '{"access_token":"from-acr"}' }
        return headers.authorization === 'Bearer from-acr'
          ? undefined
          : { status: 401, headers: { 'www-authenticate': `Bearer realm="http://${headers.host}/token"` } }
      },
    ),

  'content compressed on the way': () =>
    play({}, async ({ server, store }) => {
      await push(store)
      await expectBlob(store)
      expect(server.requests.map(({ headers }) => headers['accept-encoding'])).not.toContainEqual(expect.any(String))
    }),
}

describe('on a registry with the quirk', () => {
  test.each(Object.entries(proofs))('%s', async (_, proof) => await proof())
})

test('every quirk says where it is handled, and who has said that it is one', async () => {
  for (const [name, { where, seen, source }] of Object.entries<Quirk>(quirks)) {
    expect(await readFile(join(import.meta.dirname, where), 'utf8'), name).toBeTruthy()
    expect([source, ...Object.values(seen)].filter(Boolean).length, name).toBeGreaterThan(0)
  }
})
