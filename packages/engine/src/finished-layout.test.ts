// Layouts as engines leave them, right and wrong in every way.
import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { openLayout } from '@polyarch/layout'
import {
  type Descriptor,
  type Digest,
  digestOf,
  hexOf,
  mediaTypes,
  parseIndex,
  parseManifest,
  parsePlatform,
} from '@polyarch/oci'
import { elfBytes, lacks, temporaryDirectory, writeBaseImage } from '@polyarch/parts'
import { pack } from 'tar-stream'
import { describe, expect, test } from 'vitest'
import { finishLayout, startedFiles } from './finished-layout.ts'

const amd64 = elfBytes({ machine: 62 })
const arm64 = elfBytes({ machine: 183 })

const tarOf = async (files: Readonly<Record<string, Uint8Array>>): Promise<Buffer> => {
  const tar = pack()
  for (const [name, bytes] of Object.entries(files)) tar.entry({ name, mode: 0o755 }, Buffer.from(bytes))
  tar.finalize()
  return buffer(tar)
}

const compressions = {
  none: (tar: Buffer) => tar,
  gzip: (tar: Buffer) => gzipSync(tar),
  zstd: (tar: Buffer) => zstdCompressSync(tar),
}

interface SampleLayout {
  readonly platform?: object
  readonly config?: object
  readonly layers?: readonly Readonly<Record<string, Uint8Array>>[]
  readonly compression?: keyof typeof compressions
  /** Changes the index's entries before they are written. */
  readonly entries?: (entry: Descriptor) => readonly object[]
  readonly diffIds?: readonly Digest[]
}

/** Writes a layout as kaniko does: no platform in index.json, and a stray artifactType. */
const writeLayout = async (directory: string, sample: SampleLayout = {}): Promise<{ layers: Descriptor[] }> => {
  const blobs = join(directory, 'blobs', 'sha256')
  await mkdir(blobs, { recursive: true })
  const put = async (bytes: Uint8Array, mediaType: string): Promise<Descriptor> => {
    const digest = digestOf(bytes)
    await writeFile(join(blobs, hexOf(digest)), bytes)
    return { mediaType, digest, size: bytes.length }
  }
  const tars = await Promise.all((sample.layers ?? [{ 'bin/sh': arm64 }]).map(tarOf))
  const compress = compressions[sample.compression ?? 'gzip']
  const layers = await Promise.all(
    tars.map((tar) => put(compress(tar), 'application/vnd.docker.image.rootfs.diff.tar.gzip')),
  )
  const config = {
    ...(sample.platform ?? { os: 'linux', architecture: 'arm64' }),
    config: sample.config ?? {},
    rootfs: { type: 'layers', diff_ids: sample.diffIds ?? tars.map(digestOf) },
  }
  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.dockerManifest,
    config: await put(Buffer.from(JSON.stringify(config)), mediaTypes.dockerConfig),
    layers,
  }
  const entry = await put(Buffer.from(JSON.stringify(manifest)), mediaTypes.dockerManifest)
  const manifests = sample.entries?.(entry) ?? [{ ...entry, artifactType: mediaTypes.ociConfig }]
  await writeFile(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }))
  await writeFile(join(directory, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  return { layers }
}

const finish = async (sample: SampleLayout, platform = 'linux/arm64') => {
  await using directory = await temporaryDirectory()
  await writeLayout(directory.path, sample)
  return await finishLayout(directory.path, parsePlatform(platform))
}

test('a right layout gets an index that says its platform and nothing else', async () => {
  await using directory = await temporaryDirectory()
  await writeLayout(directory.path)
  const finished = await finishLayout(directory.path, parsePlatform('linux/arm64'))
  const index = parseIndex(await readFile(join(directory.path, 'index.json')))
  expect(index.manifests).toEqual([finished.manifest])
  expect(finished.manifest).toEqual({
    mediaType: mediaTypes.dockerManifest,
    digest: expect.stringMatching(/^sha256:/),
    size: expect.any(Number),
    platform: { os: 'linux', architecture: 'arm64' },
  })
  expect(finished.binaries).toEqual({ arm64: 1 })
  expect((await readdir(directory.path)).sort()).toEqual(['blobs', 'index.json', 'oci-layout'])
})

test('an image by docker’s media types gets the specification’s where they are asked for, and its content stays', async () => {
  await using directory = await temporaryDirectory()
  const { layers } = await writeLayout(directory.path)
  const before = await finishLayout(directory.path, parsePlatform('linux/arm64'))
  const finished = await finishLayout(directory.path, parsePlatform('linux/arm64'), 'oci')
  expect(finished).toMatchObject({
    manifest: { mediaType: mediaTypes.ociManifest },
    configDigest: before.configDigest,
    layersSize: before.layersSize,
  })
  const { bytes, descriptor } = await openLayout(directory.path).getManifest(finished.manifest.digest)
  expect(descriptor.mediaType).toBe(mediaTypes.ociManifest)
  expect(parseManifest(bytes)).toMatchObject({
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: before.configDigest },
    layers: layers.map(({ digest }) => ({ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest })),
  })
  await expect(openLayout(directory.path).getManifest(before.manifest.digest)).rejects.toThrow()
  await expect(finishLayout(directory.path, parsePlatform('linux/arm64'), 'oci')).resolves.toEqual(finished)
})

test.each(['none', 'gzip', 'zstd'] as const)(
  'reads layers compressed with %s, whatever their media type says',
  async (compression) => {
    await expect(finish({ compression })).resolves.toMatchObject({ binaries: { arm64: 1 } })
    await expect(finish({ compression, layers: [{ 'bin/sh': amd64 }] })).rejects.toMatchObject({ kind: 'verification' })
  },
)

test('many large files pass through', async () => {
  const layers = [Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`data/${n}`, Buffer.alloc(1_000_000, n)]))]
  await expect(finish({ layers })).resolves.toMatchObject({ binaries: {} })
})

describe('a binary of another machine', () => {
  test('is named', async () => {
    await expect(finish({ layers: [{ 'bin/sh': amd64 }] })).rejects.toThrow(
      /^the image says linux\/arm64, but \/bin\/sh is a amd64 binary/,
    )
  })

  test('may be there as long as the image does not start it', async () => {
    const layers = [{ 'bin/sh': arm64, 'bin/cat': arm64 }, { 'opt/tool': amd64 }]
    await expect(finish({ layers })).resolves.toMatchObject({ binaries: { arm64: 2, amd64: 1 } })
    await expect(finish({ layers, config: { Entrypoint: ['/opt/tool', 'serve'] } })).rejects.toThrow('/opt/tool')
  })

  test('is not looked for in images without ELF programs', async () => {
    const sample = { platform: { os: 'windows', architecture: 'amd64' }, layers: [{ 'bin/sh': arm64 }] }
    await expect(finish(sample, 'windows/amd64')).resolves.toBeDefined()
  })
})

describe('a layout that is not what was asked for', () => {
  test('another platform', async () => {
    await expect(finish({}, 'linux/amd64')).rejects.toThrow('the image says linux/arm64: linux/amd64 was asked for')
  })

  test('two images', async () => {
    const entries = (entry: Descriptor) => [entry, { ...entry, digest: `sha256:${'1'.repeat(64)}` }]
    await expect(finish({ entries })).rejects.toThrow(/expected one image, found/)
  })

  test('no image', async () => {
    await expect(finish({ entries: () => [] })).rejects.toThrow(/expected one image, found none/)
  })

  test('an index with another size of the manifest', async () => {
    await expect(finish({ entries: (entry) => [{ ...entry, size: entry.size + 1 }] })).rejects.toMatchObject({
      kind: 'verification',
    })
  })

  test('a layer that unpacks to something else than the config says', async () => {
    const diffIds = [digestOf(Buffer.from('else'))]
    await expect(finish({ diffIds })).rejects.toThrow(/unpacks to sha256:\w+: the config says sha256:/)
  })

  test('fewer layers in the config', async () => {
    await expect(finish({ diffIds: [] })).rejects.toThrow('the manifest has 1 layers, its config 0')
  })

  test.each([
    ['missing', (blob: string) => rm(blob)],
    ['cut short', (blob: string) => truncate(blob, 20)],
    ['changed', async (blob: string) => writeFile(blob, Buffer.alloc((await readFile(blob)).length, 1))],
  ])('a layer that is %s', async (_, damage) => {
    await using directory = await temporaryDirectory()
    const { layers } = await writeLayout(directory.path)
    const digest = layers[0]!.digest
    await damage(join(directory.path, 'blobs', 'sha256', hexOf(digest)))
    await expect(finishLayout(directory.path, parsePlatform('linux/arm64'))).rejects.toThrow(hexOf(digest))
  })

  test('an empty directory', async () => {
    await using directory = await temporaryDirectory()
    await expect(finishLayout(directory.path, parsePlatform('linux/arm64'))).rejects.toThrow(directory.path)
  })
})

test('a variant that the engine left out is written into the config, and the old blobs go', async () => {
  await using directory = await temporaryDirectory()
  await writeLayout(directory.path, {
    platform: { os: 'linux', architecture: 'arm' },
    layers: [{ 'bin/sh': elfBytes({ machine: 40, bits: 32 }) }],
  })
  const first = await finishLayout(directory.path, parsePlatform('linux/arm/v6'))
  expect(first.manifest.platform).toEqual({ os: 'linux', architecture: 'arm', variant: 'v6' })
  const config = await readFile(join(directory.path, 'blobs', 'sha256', hexOf(first.configDigest)), 'utf8')
  expect(JSON.parse(config)).toMatchObject({ architecture: 'arm', variant: 'v6' })
  expect(await readdir(join(directory.path, 'blobs', 'sha256'))).toHaveLength(3)
  await expect(finishLayout(directory.path, parsePlatform('linux/arm/v6'))).resolves.toEqual(first)
})

test('what an image starts is looked for in its PATH', () => {
  const rootfs = { type: 'layers', diff_ids: [] }
  const config = { os: 'linux', architecture: 'arm64', rootfs }
  expect(startedFiles({ ...config, config: { Entrypoint: ['/app/run'], Cmd: ['sh'], Env: ['PATH=/x:/y/'] } })).toEqual([
    'app/run',
    'x/sh',
    'y/sh',
  ])
  expect(startedFiles({ ...config, config: { Entrypoint: null } } as never)).toEqual([])
})

describe.skipIf(lacks('busybox-amd64', 'busybox-arm64'))('real binaries', () => {
  test.each(['linux/amd64', 'linux/arm64'] as const)('of %s are told apart', async (platform) => {
    await using directory = await temporaryDirectory()
    await writeBaseImage(directory.path, { platforms: [platform] })
    const index = parseIndex(await readFile(join(directory.path, 'index.json')))
    const child = parseIndex(
      await readFile(join(directory.path, 'blobs', 'sha256', hexOf(index.manifests[0]!.digest))),
    ).manifests
    await writeFile(join(directory.path, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: child }))
    await expect(finishLayout(directory.path, parsePlatform(platform))).resolves.toMatchObject({
      binaries: { [parsePlatform(platform).architecture]: 1 },
    })
  })
})
