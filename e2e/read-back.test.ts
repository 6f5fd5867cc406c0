// What was pushed, merged and copied, read back to the last byte by skopeo, crane and regctl.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { openLayout } from '@polyarch/layout'
import {
  attestedDigestAnnotation,
  buildIndex,
  type Descriptor,
  type Digest,
  digestOf,
  type ManifestContent,
  mediaTypes,
  type Platform,
  type Store,
} from '@polyarch/oci'
import {
  lacks,
  partPath,
  type RunningRegistry,
  repositoryRoot,
  sampleBlob,
  sampleContent,
  sampleManifest,
  startRegistry,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@polyarch/parts'
import { pack } from 'tar-stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCommand, runOrThrow } from './command.ts'

type Kind = 'oci' | 'docker'

const typesOf = {
  oci: {
    manifest: mediaTypes.ociManifest,
    config: mediaTypes.ociConfig,
    layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  },
  docker: {
    manifest: mediaTypes.dockerManifest,
    config: 'application/vnd.docker.container.image.v1+json',
    layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  },
} as const

interface Layer {
  readonly bytes: Uint8Array
  readonly diffId: Digest
}

/** A layer as an engine makes it: a compressed archive with one file in it. */
const writeLayer = async (name: string, content: Uint8Array): Promise<Layer> => {
  const archive = pack()
  archive.entry({ name, mtime: new Date(0) }, Buffer.from(content))
  archive.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of archive) chunks.push(chunk as Buffer)
  const plain = Buffer.concat(chunks)
  return { bytes: await promisify(gzip)(plain, { level: 0 }), diffId: digestOf(plain) }
}

const writeImage = async (
  store: Store,
  platform: Platform,
  layers: readonly Layer[],
  options: { readonly kind?: Kind; readonly created?: string; readonly tag?: string } = {},
): Promise<ManifestContent> => {
  const types = typesOf[options.kind ?? 'oci']
  const config = sampleBlob(
    JSON.stringify({
      ...platform,
      created: options.created ?? '2026-01-01T00:00:00Z',
      config: {},
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    }),
    types.config,
  )
  const blobs = layers.map(({ bytes }) => sampleBlob(bytes, types.layer))
  for (const { descriptor, bytes } of [config, ...blobs]) await store.pushBlob(descriptor, sampleContent(bytes))
  const manifest = sampleManifest({
    schemaVersion: 2,
    mediaType: types.manifest,
    config: config.descriptor,
    layers: blobs.map(({ descriptor }) => descriptor),
  } as { readonly mediaType: string })
  await store.pushManifest(manifest, options.tag)
  return { ...manifest, descriptor: { ...manifest.descriptor, platform } }
}

/** What BuildKit writes: an index of the image and a manifest that attests to it. */
const writeAttested = async (store: Store, platform: Platform, layers: readonly Layer[]): Promise<void> => {
  const image = await writeImage(store, platform, layers)
  const statement = sampleBlob('{"_type":"https://in-toto.io/Statement/v0.1"}', 'application/vnd.in-toto+json')
  const config = sampleBlob(
    JSON.stringify({
      architecture: 'unknown',
      os: 'unknown',
      config: {},
      rootfs: { type: 'layers', diff_ids: [statement.descriptor.digest] },
    }),
    mediaTypes.ociConfig,
  )
  for (const { descriptor, bytes } of [statement, config]) await store.pushBlob(descriptor, sampleContent(bytes))
  const attestation = sampleManifest({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: config.descriptor,
    layers: [statement.descriptor],
  } as { readonly mediaType: string })
  await store.pushManifest(attestation)
  const entry: Descriptor = {
    ...attestation.descriptor,
    platform: { os: 'unknown', architecture: 'unknown' },
    annotations: {
      [attestedDigestAnnotation]: image.descriptor.digest,
      'vnd.docker.reference.type': 'attestation-manifest',
    },
  }
  await store.pushManifest(buildIndex([image.descriptor, entry]), 'built')
}

const amd64 = { os: 'linux', architecture: 'amd64' }
const arm = { os: 'linux', architecture: 'arm', variant: 'v7' }

/** The kinds of images that each server takes: zot 1 refuses docker's media types with 415. */
const servers = [
  { server: 'docker-registry', kinds: ['oci', 'docker'] },
  { server: 'distribution-3', kinds: ['oci', 'docker'] },
  { server: 'zot', kinds: ['oci'] },
] as const

describe.each(servers)('in $server', ({ server, kinds }) => {
  describe.skipIf(lacks('docker-registry', server, 'skopeo', 'crane', 'regctl'))('others read', () => {
    let registry: RunningRegistry
    let directory: TemporaryDirectory

    beforeAll(async () => {
      registry = await startRegistry({ server })
      directory = await temporaryDirectory('polyarch-read-back')
    })
    afterAll(async () => {
      await registry.stop()
      await directory[Symbol.asyncDispose]()
    })

    const polyarch = async (...args: readonly (readonly string[])[]): Promise<Record<string, unknown>> => {
      const program = join(repositoryRoot, 'packages/cli/src/main.ts')
      const command = ['node', '--conditions=@polyarch/source', program, ...args.flat(), '--json'] as const
      const { code, log, output } = await runCommand([...command], { directory: directory.path })
      expect(code, log).toBe(0)
      return JSON.parse(output) as Record<string, unknown>
    }
    const push = (layout: string, repository: string, platform: string, record = layout) =>
      polyarch(
        ['push-digest', '--layout', layout, '--repository', `${registry.host}/${repository}`],
        ['--platform', platform, '--record', `records/${repository}/${record}.json`],
      )

    /** Has each of the others read all of it: skopeo copies it, crane pulls it, regctl exports it. */
    const expectReadable = async (repository: string, reference: string, digest: unknown): Promise<void> => {
      const separator = reference.startsWith('sha256:') ? '@' : ':'
      const image = `${registry.host}/${repository}${separator}${reference}`
      const options = { directory: directory.path, env: { HOME: directory.path } }
      const run = (...command: [string, ...string[]]) => runOrThrow(command, options)
      const copy = join(directory.path, 'copies', `${repository}-${reference.slice(-12)}`.replaceAll('/', '-'))
      await run('mkdir', '-p', copy)
      await run(
        'skopeo',
        'copy',
        '--all',
        '--quiet',
        '--src-tls-verify=false',
        `docker://${image}`,
        `dir:${copy}/skopeo`,
      )
      await run(partPath('crane'), 'pull', '--format=oci', image, `${copy}/crane`)
      expect((await run(partPath('crane'), 'digest', image)).trim()).toBe(digest)
      const plain = ['--host', `reg=${registry.host},tls=disabled`]
      await run(partPath('regctl'), ...plain, 'image', 'export', image, `${copy}/regctl.tar`)
      expect((await run(partPath('regctl'), ...plain, 'image', 'digest', image)).trim()).toBe(digest)
    }

    /** Has crane unpack every layer; an attestation's are not archives. */
    const expectValid = async (repository: string, digest: unknown): Promise<void> => {
      const image = `${registry.host}/${repository}@${String(digest)}`
      const said = await runOrThrow([partPath('crane'), 'validate', '--remote', image], { directory: directory.path })
      expect(said).toContain('PASS')
    }

    test('many small layers, then the same image again, then one with another config', async () => {
      const layers = await Promise.all(Array.from({ length: 60 }, (_, at) => writeLayer(`${at}`, randomBytes(20_000))))
      await writeImage(openLayout(join(directory.path, 'many')), amd64, layers, { tag: 'built' })
      const first = await push('many', 'read/many', 'linux/amd64')
      await expectReadable('read/many', String(first['digest']), first['digest'])
      expect(await push('many', 'read/many', 'linux/amd64')).toMatchObject({ digest: first['digest'] })
      const later = { tag: 'built', created: '2026-02-02T00:00:00Z' }
      await writeImage(openLayout(join(directory.path, 'later')), amd64, layers, later)
      const second = await push('later', 'read/many', 'linux/amd64')
      expect(second['digest']).not.toBe(first['digest'])
      await expectReadable('read/many', String(second['digest']), second['digest'])
      await expectValid('read/many', second['digest'])
    })

    test('a layer that is sent in parts from the disk', async () => {
      const layer = await writeLayer('large', randomBytes(12_000_000))
      await writeImage(openLayout(join(directory.path, 'large')), amd64, [layer], { tag: 'built' })
      const { digest } = await push('large', 'read/large', 'linux/amd64')
      await expectReadable('read/large', String(digest), digest)
      await expectValid('read/large', digest)
    })

    test.each<Kind>(kinds)('a merged index of %s images, in two repositories and under every tag', async (kind) => {
      const shared = await writeLayer('shared', randomBytes(5_000))
      const name = `read/merged-${kind}`
      for (const [layout, platform] of [
        [`${kind}-amd64`, amd64],
        [`${kind}-arm`, arm],
      ] as const) {
        const own = await writeLayer(platform.architecture, randomBytes(5_000))
        await writeImage(openLayout(join(directory.path, layout)), platform, [shared, own], { kind, tag: 'built' })
        await push(layout, name, platform === amd64 ? 'linux/amd64' : 'linux/arm/v7')
      }
      const { digest } = await polyarch(
        ['merge-manifest', '--records', `records/${name}`, '--platforms', 'linux/amd64,linux/arm/v7'],
        ['--repository', `${registry.host}/${name}`, '--repository', `${registry.host}/${name}-too`],
        ['--tags', '1.2.3,1.2,latest'],
      )
      for (const repository of [name, `${name}-too`])
        for (const tag of ['1.2.3', '1.2', 'latest']) await expectReadable(repository, tag, digest)
      await polyarch(['copy', `${registry.host}/${name}:latest`, `${registry.host}/${name}-copy:mine`])
      await expectReadable(`${name}-copy`, 'mine', digest)
      await expectValid(`${name}-copy`, digest)
    })

    test('an image with its attestation, merged', async () => {
      const layer = await writeLayer('attested', randomBytes(5_000))
      await writeAttested(openLayout(join(directory.path, 'attested')), amd64, [layer])
      const pushed = await push('attested', 'read/attested', 'linux/amd64')
      expect(pushed).toHaveProperty('record.attestations.length', 1)
      const { digest } = await polyarch(
        ['merge-manifest', '--records', 'records/read/attested', '--platforms', 'linux/amd64'],
        ['--repository', `${registry.host}/read/attested`, '--tags', 'latest'],
      )
      await expectReadable('read/attested', 'latest', digest)
    })
  })
})
