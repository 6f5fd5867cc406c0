// Tags that held the children until the merge: gone after it where the registry lets them go, and only they.
import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import { promisify } from 'node:util'
import { type DigestRecord, parseDigestRecord } from '@polyarch/documents'
import { lacks, type RunningRegistry, startRegistry } from '@polyarch/parts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { planAnchorRemovals } from './anchors.ts'
import { images, type MergeScene, openMergeScene } from './testing/merge-scene.ts'

const anchorOf = ({ digest }: { readonly digest: string }): string => `kept-${digest.slice(7, 19)}`

describe('the plan of a removal', () => {
  const digest = `sha256:${'12'.repeat(32)}`
  const record = (anchors?: string[]): DigestRecord =>
    parseDigestRecord(
      JSON.stringify({
        schema: 'polyarch.digest/v1',
        plan: null,
        leg: null,
        image: 'web',
        platform: 'linux/amd64',
        repository: 'localhost:5000/web',
        digest,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        size: 1,
        configDigest: digest,
        attestations: [],
        anchors,
        engine: null,
        run: null,
      }),
      'record.json',
    )
  const plan = (anchors: string[] | undefined, tags: readonly string[]) =>
    planAnchorRemovals([{ platform: 'linux/amd64', source: { record: record(anchors) } }], tags)

  test.each<[string, string[] | undefined, string[], number]>([
    ['removes what holds the child', ['kept-121212121212'], ['latest'], 1],
    ['removes nothing where there is no anchor', undefined, ['latest'], 0],
    ['never removes a tag that a record only claims to be an anchor', ['1.2.3', 'latest'], ['1.2.4'], 0],
    ['never removes a tag that the merge moves', ['kept-121212121212'], ['kept-121212121212'], 0],
    ['removes nothing where no tag leads to the index', ['kept-121212121212'], [], 0],
  ])('%s', (_, anchors, tags, count) => {
    expect(plan(anchors, tags)).toHaveLength(count)
  })
})

const server = lacks('distribution-3') ? undefined : 'distribution-3'

describe.skipIf(lacks('docker-registry') || server === undefined)('merge-manifest after anchored pushes', () => {
  let old: RunningRegistry
  let current: RunningRegistry
  let scene: MergeScene

  beforeAll(async () => {
    old = await startRegistry()
    current = await startRegistry({ server: 'distribution-3' })
  })
  afterAll(async () => {
    await old.stop()
    await current.stop()
  })
  beforeEach(async () => {
    scene = await openMergeScene(current)
  })
  afterEach(() => scene[Symbol.asyncDispose]())

  const anchors = [images.amd64, images.arm64].map((image) => anchorOf(image.manifest.descriptor))

  /** Pushes both images with their anchors, as push-digest does. */
  const pushAnchored = async (): Promise<void> => {
    const records = await scene.pushBoth()
    const store = scene.open(scene.repository)
    for (const image of [images.amd64, images.arm64])
      await store.pushManifest(image.manifest, anchorOf(image.manifest.descriptor))
    await scene.writeRecords(...records.map((record) => ({ ...record, anchors: [anchorOf(record)] })))
  }

  test('removes the anchors, and neither the children nor another tag of theirs', async () => {
    await pushAnchored()
    await scene.open(scene.repository).pushManifest(images.amd64.manifest, 'amd64-only')
    await scene.merge(scene.inputs())
    expect(Object.keys(await scene.tagsOf()).toSorted()).toEqual(['1.2.3', 'amd64-only', 'latest'])
    for (const { manifest } of [images.amd64, images.arm64])
      expect((await scene.open(scene.repository).resolveManifest(manifest.descriptor.digest)).size).toBe(
        manifest.bytes.length,
      )
    expect(scene.logged.join('\n')).not.toContain('stay')
  })

  test('leaves an anchor that leads to something else by now', async () => {
    await pushAnchored()
    await scene.open(scene.repository).pushManifest(images.arm64.manifest, anchorOf(images.amd64.manifest.descriptor))
    await scene.merge(scene.inputs())
    expect(Object.keys(await scene.tagsOf())).toContain(anchorOf(images.amd64.manifest.descriptor))
  })

  test('says in one line that a registry deletes no tags, and is done all the same', async () => {
    scene.repository = scene.repository.replace(current.host, old.host)
    await pushAnchored()
    await scene.merge(scene.inputs())
    expect(Object.keys(await scene.tagsOf()).toSorted()).toEqual(['1.2.3', ...anchors, 'latest'].toSorted())
    expect(scene.logged.filter((line) => line.includes('does not delete tags'))).toEqual([
      expect.stringContaining(`these tags stay: ${anchors.join(', ')}`),
    ])
  })

  /** A fake way to distribution 3 where whoever deletes a tag deletes its manifest, as in ECR and older zot. */
  const startCareless = async () => {
    const proxy = createServer((incoming, outgoing) => {
      const { method, headers, url = '' } = incoming
      const anchored = [images.amd64, images.arm64].find(
        ({ manifest }) => method === 'DELETE' && url.endsWith(anchorOf(manifest.descriptor)),
      )
      const path = anchored ? url.replace(/[^/]+$/, anchored.manifest.descriptor.digest) : url
      const passed = httpRequest(`http://${current.host}${path}`, { method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
        answer.pipe(outgoing)
      })
      incoming.pipe(passed)
    }).listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const address = proxy.address()
    return {
      host: `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
      [Symbol.asyncDispose]: async () => {
        proxy.closeAllConnections()
        await promisify(proxy.close.bind(proxy))()
      },
    }
  }

  test('brings a child back that went away with its anchor, and leaves the others alone', async () => {
    await using careless = await startCareless()
    scene.repository = scene.repository.replace(current.host, careless.host)
    await pushAnchored()
    await scene.merge(scene.inputs())
    expect(Object.keys(await scene.tagsOf()).toSorted()).toEqual(['1.2.3', ...anchors, 'latest'].toSorted())
    for (const { manifest } of [images.amd64, images.arm64])
      expect((await scene.open(scene.repository).resolveManifest(manifest.descriptor.digest)).size).toBe(
        manifest.bytes.length,
      )
    expect(scene.logged.filter((line) => line.includes('went away with its last tag'))).toHaveLength(1)
  })
})
