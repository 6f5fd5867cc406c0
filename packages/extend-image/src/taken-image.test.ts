// What is taken over of layouts that engines could have written: which bytes, which layers, and what is refused.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gunzipSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { openLayout } from '@polyarch/layout'
import { digestOf, getImageConfig, mediaTypes, parseManifest } from '@polyarch/oci'
import { sampleBlob, sampleContent, sampleManifest, temporaryDirectory } from '@polyarch/parts'
import { type Header, pack } from 'tar-stream'
import { describe, expect, test } from 'vitest'
import type { ExtensionDockerfile } from './generated.ts'
import { listEntries } from './layer-filter.ts'
import { type LayeredImage, writeImage } from './layered-image.ts'
import { takeOver } from './taken-image.ts'

type Entry = Partial<Header> & { readonly name: string; readonly content?: string }

const tarOf = async (...entries: readonly Entry[]): Promise<Uint8Array> => {
  const tar = pack()
  for (const { content, ...header } of entries) tar.entry({ mtime: new Date(0), ...header }, content ?? '')
  tar.finalize()
  return await buffer(tar)
}

const gzipType = 'application/vnd.oci.image.layer.v1.tar+gzip'

interface Layer {
  readonly tar: Uint8Array
  readonly bytes: Uint8Array
  readonly mediaType: string
}

const gzipped = (tar: Uint8Array): Layer => ({ tar, bytes: gzipSync(tar), mediaType: gzipType })

/** A layout with an image of these layers. */
const writeLayout = async (directory: string, layers: readonly Layer[]) => {
  await mkdir(directory, { recursive: true })
  const store = openLayout(directory)
  const blobs = layers.map(({ bytes, mediaType }) => sampleBlob(bytes, mediaType))
  const config = sampleBlob(
    JSON.stringify({
      os: 'linux',
      architecture: 'amd64',
      config: { User: '1000' },
      rootfs: { type: 'layers', diff_ids: layers.map(({ tar }) => digestOf(tar)) },
      history: layers.map((_, position) => ({ created_by: `RUN ${position}` })),
    }),
    mediaTypes.ociConfig,
  )
  for (const { descriptor, bytes } of [config, ...blobs]) await store.pushBlob(descriptor, sampleContent(bytes))
  const manifest = sampleManifest({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: config.descriptor,
    layers: blobs.map(({ descriptor }) => descriptor),
  } as { readonly mediaType: string })
  await store.pushManifest(manifest)
  return { store, manifest }
}

const dockerfile: ExtensionDockerfile = {
  extension: 'a',
  path: '/Dockerfile',
  text: `ARG base_image\nFROM \${base_image}\nRUN 1\nRUN 2\nRUN 3\n`,
  args: [],
  context: '/',
  rules: { warnings: [], switchesTo: undefined, extends: true },
}

/** Takes over an image whose first layers are those of the base. */
const take = async (directory: string, base: readonly Layer[], built: readonly Layer[]) => {
  const [below, above] = [join(directory, 'base'), join(directory, 'built')]
  const { store, manifest } = await writeLayout(below, base)
  const parsed = parseManifest(manifest.bytes)
  const image: LayeredImage = {
    base: parsed,
    config: await getImageConfig(store, parsed.config),
    layers: parsed.layers.map((descriptor) => ({ descriptor, store })),
  }
  const finished = await writeLayout(above, built)
  const layout = {
    directory: above,
    manifest: finished.manifest.descriptor,
    attestations: [],
    platform: { os: 'linux', architecture: 'amd64' },
    configDigest: parsed.config.digest,
    layersSize: 0,
    binaries: {},
  }
  const scratch = join(directory, 'scratch')
  await mkdir(scratch)
  const { image: taken } = await takeOver(image, undefined, layout, dockerfile, {
    traces: { mounts: ['/workspace'], stubs: [] },
    blobs: openLayout(join(directory, 'blobs')),
    scratch,
  })
  return taken
}

const bytesOf = async ({ descriptor, store }: LayeredImage['layers'][number]): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of store.getBlob(descriptor)) chunks.push(chunk.slice())
  return Buffer.concat(chunks)
}

const base = async () =>
  gzipped(await tarOf({ name: 'etc/', type: 'directory', mode: 0o755 }, { name: 'etc/a', content: 'a' }))

describe('a layer', () => {
  test('of nothing but the extension’s files stays as the engine wrote it', async () => {
    await using directory = await temporaryDirectory()
    const added = gzipped(await tarOf({ name: 'new', content: 'new' }))
    const { layers, config } = await take(directory.path, [await base()], [await base(), added])
    expect(await bytesOf(layers[1]!)).toEqual(Buffer.from(added.bytes))
    expect(config['history']).toEqual([
      { created_by: 'RUN 0' },
      { created: '0001-01-01T00:00:00Z', created_by: "Layer: 'RUN 1', Created by extension: a" },
    ])
  })

  test('with more than that is written anew without it, every other byte as it was', async () => {
    await using directory = await temporaryDirectory()
    const long = `deep/${'x'.repeat(150)}/${'y'.repeat(150)}`
    const kept: Entry[] = [
      { name: long, content: 'z'.repeat(70_000) },
      { name: 'capable', content: 'c', pax: { 'SCHILY.xattr.user.note': 'é' } },
      { name: 'link', type: 'symlink', linkname: `${'t'.repeat(180)}` },
    ]
    const dropped: Entry[] = [
      { name: 'etc/', type: 'directory', mode: 0o755 },
      { name: 'etc/hosts', content: '' },
      { name: 'workspace/', type: 'directory' },
      { name: 'workspace/big', content: 'b'.repeat(2000) },
    ]
    const all = await tarOf(dropped[0]!, kept[0]!, dropped[1]!, dropped[2]!, kept[1]!, dropped[3]!, kept[2]!)
    const { layers, config } = await take(directory.path, [await base()], [await base(), gzipped(all)])
    const written = gunzipSync(await bytesOf(layers[1]!))
    expect(written.equals(await tarOf(...kept))).toBe(true)
    expect(config.rootfs.diff_ids[1]).toBe(digestOf(written))
    expect(layers[1]?.descriptor).toMatchObject({ mediaType: gzipType, size: (await bytesOf(layers[1]!)).length })
  })

  test('keeps extended attributes that are no text', async () => {
    await using directory = await temporaryDirectory()
    const placeholder = 'SCHILY.xattr.security.capability'
    const all = Buffer.from(
      await tarOf(
        { name: 'capable', content: 'c', pax: { [placeholder]: 'BINARY' } },
        { name: 'etc/hosts', content: '' },
      ),
    )
    const at = all.indexOf('BINARY')
    Buffer.from([0x01, 0xff, 0xfe, 0x02, 0x80, 0x00]).copy(all, at)
    const { layers } = await take(directory.path, [await base()], [await base(), gzipped(all)])
    const written = gunzipSync(await bytesOf(layers[1]!))
    expect(written.subarray(at, at + 6)).toEqual(all.subarray(at, at + 6))
    expect(written.includes('hosts')).toBe(false)
  })

  test.each([
    [
      'not compressed',
      (tar: Uint8Array): Layer => ({ tar, bytes: tar, mediaType: 'application/vnd.oci.image.layer.v1.tar' }),
    ],
    [
      'of zstd',
      (tar: Uint8Array): Layer => ({
        tar,
        bytes: zstdCompressSync(tar),
        mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd',
      }),
    ],
  ])('%s becomes gzip, which is all that the exporter reads', async (_, compress) => {
    await using directory = await temporaryDirectory()
    const tar = await tarOf({ name: 'new', content: 'new' })
    const { layers, config } = await take(directory.path, [await base()], [await base(), compress(tar)])
    expect(layers[1]?.descriptor.mediaType).toBe(gzipType)
    expect(gunzipSync(await bytesOf(layers[1]!)).equals(tar)).toBe(true)
    expect(config.rootfs.diff_ids[1]).toBe(digestOf(tar))
  })

  test('in which nothing is the extension’s is none, nor is an empty one', async () => {
    await using directory = await temporaryDirectory()
    const empty = gzipped(await tarOf())
    const mountPoint = gzipped(await tarOf({ name: 'workspace/', type: 'directory' }))
    const added = gzipped(await tarOf({ name: 'new', content: 'new' }))
    const { layers, config } = await take(directory.path, [await base()], [await base(), empty, mountPoint, added])
    expect(layers).toHaveLength(2)
    expect(config['history']).toHaveLength(2)
    expect(config.rootfs.diff_ids).toHaveLength(2)
  })

  test('that the base has too gets another digest: the exporter would take both for new', async () => {
    await using directory = await temporaryDirectory()
    const same = gzipped(await tarOf({ name: 'same', content: 'same' }))
    const twice = await take(directory.path, [same], [same, same])
    expect(twice.config.rootfs.diff_ids).toEqual([digestOf(same.tar), digestOf(same.tar)])
    expect(twice.layers[1]?.descriptor.digest).not.toBe(twice.layers[0]?.descriptor.digest)
  })

  test('that is no tar is refused', async () => {
    await using directory = await temporaryDirectory()
    const broken = gzipped(Buffer.from('x'.repeat(2000)))
    await expect(take(directory.path, [await base()], [await base(), broken])).rejects.toMatchObject({
      kind: 'verification',
      message: expect.stringContaining('is not a layer'),
    })
  })
})

test('an engine that changed the base is refused', async () => {
  await using directory = await temporaryDirectory()
  const other = gzipped(await tarOf({ name: 'other', content: 'x' }))
  await expect(take(directory.path, [await base()], [other])).rejects.toMatchObject({
    kind: 'verification',
    message: expect.stringMatching(
      /^the engine changed layer 0 of the image that it was to extend: sha256:\w+ became sha256:/,
    ),
  })
  await using missing = await temporaryDirectory()
  await expect(take(missing.path, [await base()], [])).rejects.toMatchObject({
    message: expect.stringMatching(/became nothing$/),
  })
})

test('what was taken over is an image of its own', async () => {
  await using directory = await temporaryDirectory()
  const added = gzipped(await tarOf({ name: 'new', content: 'new' }))
  const written = writeImage(await take(directory.path, [await base()], [await base(), added]))
  expect(
    writeImage(await take(join(directory.path, 'again'), [await base()], [await base(), added])).manifest.descriptor,
  ).toEqual(written.manifest.descriptor)
  const { layers } = parseManifest((await written.store.getManifest(written.manifest.descriptor.digest)).bytes)
  const { entries } = await listEntries(written.store, layers[1]!)
  expect(entries.map(({ path }) => path)).toEqual(['new'])
})
