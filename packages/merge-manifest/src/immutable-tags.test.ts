// Tags that a registry does not let anyone move.
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Front, lacks, type RunningRegistry, startFront, startRegistry } from '@polyarch/parts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { images, type MergeScene, openMergeScene } from './testing/merge-scene.ts'

describe.skipIf(lacks('docker-registry'))('merge-manifest in a registry with immutable tags', () => {
  let registry: RunningRegistry
  let scene: MergeScene

  beforeAll(async () => {
    registry = await startRegistry()
  })
  afterAll(() => registry.stop())
  beforeEach(async () => {
    scene = await openMergeScene(registry)
  })
  afterEach(() => scene[Symbol.asyncDispose]())

  /**
   * Passes everything on to the registry but the move of some tags, which it refuses as ECR does, and some moves that it
   * is too busy for; `before` says how often the tag was moved before.
   */
  const startImmutable = (
    refuses: (tag: string, before: number) => boolean,
    beforeRefusal: () => Promise<void> = async () => {},
    isBusy: (tag: string, before: number) => boolean = () => false,
  ): Promise<Front> => {
    const moves: string[] = []
    return startFront(registry.host, async ({ method, path }) => {
      const tag = method === 'PUT' ? path.split('/manifests/')[1] : undefined
      if (tag === undefined) return undefined
      const before = moves.filter((moved) => moved === tag).length
      moves.push(tag)
      if (isBusy(tag, before)) return { status: 503 }
      if (!refuses(tag, before)) return undefined
      await beforeRefusal()
      return { status: 400, body: '{"errors":[{"code":"TAG_INVALID","message":"the tag is immutable"}]}' }
    })
  }

  test('does not touch a tag that is in use where it refuses one before it, and says what is in place', async () => {
    await using immutable = await startImmutable((tag) => tag === '1.2')
    scene.repository = `${immutable.host}/${scene.repository.split('/').slice(1).join('/')}`
    await scene.pushBoth()
    const { digest } = await scene.merge({ ...scene.inputs(), tags: 'latest', annotations: 'made=before' })
    await rm(join(scene.directory, '.polyarch'), { recursive: true })
    await expect(scene.merge({ ...scene.inputs(), tags: '1,1.2,latest' })).rejects.toMatchObject({
      message: expect.stringMatching(/the tag is immutable; in place by then: \S+\/web:1$/),
    })
    const tags = await scene.tagsOf()
    expect(Object.keys(tags).toSorted()).toEqual(['1', 'latest'])
    expect(tags['latest']).toBe(digest)
    expect(await readdir(scene.directory)).toEqual(['records'])
  })

  test('creates no tag behind one that is in use and that it refuses to move', async () => {
    const other = scene.repository
    await scene.pushBoth()
    const { digest } = await scene.merge({ ...scene.inputs(), tags: '1.2', annotations: 'made=before' })
    await using immutable = await startImmutable((tag) => tag === '1.2')
    scene.repository = `${immutable.host}/${scene.repository.split('/').slice(1).join('/')}`
    await scene.pushBoth()
    await expect(scene.merge({ ...scene.inputs(), tags: '1.2,latest' })).rejects.toThrow('the tag is immutable')
    expect(await scene.tagsOf(other)).toEqual({ '1.2': digest })
  })

  test('may have got the tag from another run that wrote the same', async () => {
    const other = scene.repository
    await scene.pushBoth()
    const { bytes, descriptor } = await scene
      .open(other)
      .getManifest((await scene.merge({ ...scene.inputs(), tags: '' })).digest!)
    await using immutable = await startImmutable(
      (tag) => tag === '1.2.3',
      () => scene.open(other).pushManifest({ bytes, descriptor }, '1.2.3'),
    )
    scene.repository = `${immutable.host}/${scene.repository.split('/').slice(1).join('/')}`
    await scene.pushBoth()
    const { digest, result } = await scene.merge(scene.inputs())
    expect(result?.repositories[0]?.tags).toEqual([
      { tag: '1.2.3', previous: digest, status: 'unchanged' },
      { tag: 'latest', previous: null, status: 'created' },
    ])
    expect(await scene.tagsOf(other)).toEqual({ '1.2.3': digest, latest: digest })
  })

  test('reads the tags before that one back as well', async () => {
    const other = scene.repository
    await scene.pushBoth()
    const store = scene.open(other)
    const merged = await store.getManifest((await scene.merge({ ...scene.inputs(), tags: '' })).digest!)
    await using immutable = await startImmutable(
      (tag) => tag === '2',
      async () => {
        await store.pushManifest(merged, '2')
        while (!(await store.listTags()).includes('1'));
        await store.pushManifest(images.amd64.manifest, '1')
      },
    )
    scene.repository = `${immutable.host}/${scene.repository.split('/').slice(1).join('/')}`
    await scene.pushBoth()
    await expect(scene.merge({ ...scene.inputs(), tags: '1,2' })).rejects.toMatchObject({
      kind: 'verification',
      message: expect.stringMatching(
        /web:1 is sha256:\w+ after it was set to sha256:\w+: something else writes this tag/,
      ),
    })
  })

  test('takes a tag that it wrote twice, because one before it had to wait, for written', async () => {
    const other = scene.repository
    await using immutable = await startImmutable(
      (tag, before) => ['1', '2', '3'].includes(tag) && before > 0,
      undefined,
      (tag, before) => tag === '0' && before === 0,
    )
    scene.repository = `${immutable.host}/${scene.repository.split('/').slice(1).join('/')}`
    await scene.pushBoth()
    const { digest, result } = await scene.merge({ ...scene.inputs(), tags: '0,1,2,3' })
    expect(result?.repositories[0]?.tags).toEqual(
      ['0', '1', '2', '3'].map((tag) => ({ tag, previous: null, status: 'created' })),
    )
    expect(await scene.tagsOf(other)).toEqual({ '0': digest, '1': digest, '2': digest, '3': digest })
  })
})
