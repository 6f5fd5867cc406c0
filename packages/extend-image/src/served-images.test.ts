// The registry that engines read the base from: what it gives out, and that it gives nothing else.

import { openLayout } from '@polyarch/layout'
import { mediaTypes, StoreError } from '@polyarch/oci'
import { pushSampleImage, sampleImage, temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { serveImages } from './served-images.ts'

const open = async () => {
  const directory = await temporaryDirectory()
  const store = openLayout(directory.path)
  const [offered, other] = [['a longer layer', 'another layer'], ['secret']].map((layers) =>
    sampleImage({ os: 'linux', architecture: 'amd64' }, layers),
  )
  if (offered === undefined || other === undefined) throw new Error('no images')
  for (const image of [offered, other]) await pushSampleImage(store, image)
  const errors: string[] = []
  const served = await serveImages((error) => void errors.push(error.message))
  const reference = await served.offer(store, offered.manifest.descriptor.digest)
  return {
    directory: directory.path,
    store,
    served,
    errors,
    offered,
    other,
    reference,
    url: (path: string) => `http://${reference.host}/v2/${path}`,
    [Symbol.asyncDispose]: async () => {
      await served[Symbol.asyncDispose]()
      await directory[Symbol.asyncDispose]()
    },
  }
}

describe('an engine gets', () => {
  test('the manifest and the blobs of what is offered, with their digests and sizes', async () => {
    await using scene = await open()
    const { name, digest } = scene.reference
    expect((await fetch(scene.url(''))).status).toBe(200)
    const manifest = await fetch(scene.url(`${name}/manifests/${digest}`))
    expect(manifest.headers.get('content-type')).toBe(mediaTypes.ociManifest)
    expect(manifest.headers.get('docker-content-digest')).toBe(digest)
    expect(Buffer.from(await manifest.arrayBuffer()).equals(scene.offered.manifest.bytes)).toBe(true)
    for (const { descriptor, bytes } of [scene.offered.config, ...scene.offered.layers]) {
      const url = scene.url(`${name}/blobs/${descriptor.digest}`)
      const head = await fetch(url, { method: 'HEAD' })
      expect(head.headers.get('content-length')).toBe(String(descriptor.size))
      expect(Buffer.from(await (await fetch(url)).arrayBuffer()).equals(bytes)).toBe(true)
    }
  })

  test('only that: no tags, no other image of the same store, nothing to write', async () => {
    await using scene = await open()
    const { name } = scene.reference
    const { digest } = scene.other.manifest.descriptor
    const layer = scene.other.layers[0]?.descriptor.digest
    const paths = [
      `${name}/tags/list`,
      '_catalog',
      `${name}/manifests/latest`,
      `${name}/manifests/${digest}`,
      `${name}/blobs/${layer}`,
      `other/manifests/${scene.reference.digest}`,
      `${name}/blobs/../../secret`,
    ]
    for (const path of paths) expect((await fetch(scene.url(path))).status).toBe(404)
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
      expect((await fetch(scene.url(`${name}/manifests/${scene.reference.digest}`), { method })).status).toBe(405)
  })

  test('a connection that breaks where the image itself cannot be read', async () => {
    await using scene = await open()
    const { name } = scene.reference
    const broken = {
      ...scene.store,
      async *getBlob(): AsyncGenerator<Uint8Array> {
        yield Buffer.from('h')
        throw new StoreError('UNREACHABLE', 'the registry is gone')
      },
    }
    await scene.served.offer(broken, scene.reference.digest)
    const layer = scene.offered.layers[0]?.descriptor.digest
    await expect(fetch(scene.url(`${name}/blobs/${layer}`)).then((answer) => answer.arrayBuffer())).rejects.toThrow()
    expect(scene.errors).toEqual([expect.stringContaining('the registry is gone')])
  })
})

test('it listens on this machine only, and not after it is closed', async () => {
  await using scene = await open()
  expect(scene.reference.host).toMatch(/^127\.0\.0\.1:\d+$/)
  const url = scene.url('')
  await scene.served[Symbol.asyncDispose]()
  await expect(fetch(url)).rejects.toThrow()
})
