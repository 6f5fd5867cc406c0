// Executors from files and out of images, on a real registry.
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { openHost, parseInputs } from '@polyarch/ci-host'
import { hostPlatform } from '@polyarch/engine'
import { parsePlatform, parseStoreLocation } from '@polyarch/oci'
import {
  lacks,
  partPath,
  pushSampleImage,
  sampleImage,
  sampleIndex,
  startRegistry,
  temporaryDirectory,
} from '@polyarch/parts'
import { storeInputs as inputs, openStores } from '@polyarch/stores'
import { type Header, pack } from 'tar-stream'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { openExecutorFile, openExecutorImage } from './executor-source.ts'
import { build } from './testing/build-scene.ts'

type Entry = readonly [header: Partial<Header> & { readonly name: string }, bytes?: Uint8Array]

const tarOf = async (entries: readonly Entry[]): Promise<Buffer> => {
  const tar = pack()
  for (const [header, bytes] of entries) tar.entry(header, Buffer.from(bytes ?? ''))
  tar.finalize()
  return buffer(tar)
}

const storeInputs = parseInputs({ inputs: z.object(inputs) }, {})

describe('the input executor', () => {
  const open = async (prepare: (directory: string) => Promise<unknown>) => {
    await using directory = await temporaryDirectory()
    await prepare(directory.path)
    return await openExecutorFile(openHost({}, directory.path), 'executor')
  }

  test.each<[string, (file: string) => Promise<unknown>, RegExp]>([
    ['nothing', async () => undefined, /cannot be read \(ENOENT\)/],
    ['a directory', (file) => mkdir(file), /is not a file/],
    ['a script', (file) => writeFile(file, '#!/bin/sh\nrm -rf /\n'), /is not a Linux program/],
    ['an empty file', (file) => writeFile(file, ''), /is not a Linux program/],
    ['a link to the root', (file) => symlink('/', file), /is not a file/],
    ['a link to nowhere', (file) => symlink('nowhere', file), /cannot be read/],
  ])('that is %s is refused', async (_, prepare, message) => {
    await expect(open((directory) => prepare(join(directory, 'executor')))).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(message),
    })
  })
})

describe.skipIf(lacks('docker-registry', 'kaniko-1.25.15', process.getuid?.() === 0 ? 'root' : 'user-namespaces'))(
  'the executor of an image',
  () => {
    test('is fetched for this machine once, and builds', async () => {
      await using registry = await startRegistry()
      await using workspace = await temporaryDirectory()
      const host = openHost({ PATH: process.env['PATH'], HOME: join(workspace.path, '.home') }, workspace.path)
      await using stores = await openStores(storeInputs, host)
      const image = `${registry.host}/kaniko`
      const store = stores.open(parseStoreLocation(image))
      const executor = await readFile(partPath('kaniko-1.25.15'))
      const layers = [
        await tarOf([[{ name: 'kaniko/executor', mode: 0o755 }, Buffer.from('an older one')]]),
        await tarOf([
          [{ name: './kaniko/executor', mode: 0o755 }, executor],
          [{ name: 'kaniko/ssl/certs/ca.crt' }, Buffer.from('certificate')],
          [{ name: '../escaped' }, Buffer.from('x')],
          [{ name: 'kaniko/ssl/certs/../../escaped' }, Buffer.from('x')],
          [{ name: 'kaniko/ssl/certs/link', type: 'symlink', linkname: '/etc/passwd' }],
        ]),
      ]
      const own = sampleImage(hostPlatform(), layers)
      const other = sampleImage(parsePlatform('linux/s390x'), ['not a tar'])
      for (const child of [own, other]) await pushSampleImage(store, child)
      await store.pushManifest(sampleIndex([other, own]), 'v1')

      const cache = join(workspace.path, 'cache')
      const first = await openExecutorImage(host, stores, `${image}:v1`, cache)
      expect(Buffer.compare(await readFile(first.file), executor)).toBe(0)
      expect((await stat(first.file)).mode & 0o777).toBe(0o755)
      expect(await readdir(first.certificates!)).toEqual(['ca.crt'])
      expect(await readdir(join(cache, 'executors'))).toHaveLength(1)
      expect((await readdir(workspace.path)).sort()).toEqual(['cache'])

      const before = (await registry.requests()).length
      await openExecutorImage(host, stores, `${image}:v1`, cache)
      const requests = (await registry.requests()).slice(before)
      expect(requests.filter((request) => request.includes('/blobs/'))).toEqual([])

      await writeFile(join(workspace.path, 'Dockerfile'), 'FROM scratch\nCOPY Dockerfile /\n')
      const raw = {
        'kaniko-image': `${image}@${(await store.resolveManifest('v1')).digest}`,
        launcher: 'jail',
        layout: 'out',
      }
      await expect(build(host, raw)).resolves.toMatchObject({ version: '1.25.15' })
    })

    test('is missing: the image, this machine’s platform, or the file', async () => {
      await using registry = await startRegistry()
      await using workspace = await temporaryDirectory()
      await chmod(workspace.path, 0o755)
      const host = openHost({ PATH: process.env['PATH'] }, workspace.path)
      await using stores = await openStores(storeInputs, host)
      const store = stores.open(parseStoreLocation(`${registry.host}/kaniko`))
      const other = sampleImage(parsePlatform('linux/s390x'))
      const empty = sampleImage(hostPlatform(), [await tarOf([[{ name: 'bin/sh' }, Buffer.from('x')]])])
      for (const child of [empty, other]) await pushSampleImage(store, child)
      await store.pushManifest(sampleIndex([other]), 'other')
      await store.pushManifest(sampleIndex([empty]), 'empty')
      const open = (tag: string) =>
        openExecutorImage(host, stores, `${registry.host}/kaniko:${tag}`, join(workspace.path, 'cache'))
      await expect(open('nothing')).rejects.toMatchObject({ kind: 'registry' })
      await expect(open('other')).rejects.toThrow(/^input kaniko-image: .*:other has no linux\//)
      await expect(open('empty')).rejects.toThrow(/^input kaniko-image: .*:empty has no \/kaniko\/executor/)
      expect(await readdir(join(workspace.path, 'cache/executors'))).toEqual([])
    })
  },
)
