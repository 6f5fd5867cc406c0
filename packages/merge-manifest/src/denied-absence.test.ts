// A registry that answers 403 for what is not there, as Artifactory's virtual repositories do.
import { lacks, type RunningRegistry, startFront, startRegistry } from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openMergeScene } from './testing/merge-scene.ts'

describe.skipIf(lacks('docker-registry'))('a repository of which nothing can be known before it is written to', () => {
  let registry: RunningRegistry
  beforeAll(async () => {
    registry = await startRegistry()
  })
  afterAll(() => registry.stop())

  /** Says 403 where the registry says 404 to HEAD of a manifest. */
  const startDenying = () =>
    startFront(registry.host, async ({ method, path, headers: { accept = '' } }) => {
      if (method !== 'HEAD' || !path.includes('/manifests/')) return undefined
      const { status } = await fetch(`http://${registry.host}${path}`, { method, headers: { accept } })
      return status === 404 ? { status: 403 } : undefined
    })

  test('gets the children and the index', async () => {
    await using scene = await openMergeScene(registry)
    await using denying = await startDenying()
    await scene.pushBoth()
    const mirror = `${denying.host}/${scene.repository.slice(registry.host.length + 1)}-mirror`
    const { digest } = await scene.merge({ ...scene.inputs(), repository: [scene.repository, mirror], tags: '' })
    expect((await scene.indexAt(mirror, digest ?? '')).manifests).toHaveLength(2)
  })

  test('gets no tag: whether it would be overwritten cannot be known', async () => {
    await using scene = await openMergeScene(registry)
    await using denying = await startDenying()
    await scene.pushBoth()
    const mirror = `${denying.host}/${scene.repository.slice(registry.host.length + 1)}-mirror`
    await expect(scene.merge({ ...scene.inputs(), repository: [scene.repository, mirror] })).rejects.toMatchObject({
      kind: 'denied',
      message: expect.stringMatching(/-mirror\/manifests\/(?:1\.2\.3|latest): 403 DENIED/),
    })
    expect(await scene.tagsOf(mirror)).toEqual({})
  })
})
