// Images that a tag holds until the merge, in a real registry.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { openHost, parseInputs, type RawInputs } from '@polyarch/ci-host'
import { openLayout } from '@polyarch/layout'
import {
  lacks,
  pushSampleImage,
  type RunningRegistry,
  sampleImage,
  startRegistry,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { step } from './step.ts'

const image = sampleImage({ os: 'linux', architecture: 'amd64' })
const { digest } = image.manifest.descriptor

describe.skipIf(lacks('docker-registry'))('push-digest with an anchor', () => {
  let registry: RunningRegistry
  let directory: TemporaryDirectory
  let repositories: string[]
  let raw: RawInputs
  beforeAll(async () => {
    registry = await startRegistry()
    directory = await temporaryDirectory()
    await pushSampleImage(openLayout(join(directory.path, 'layout')), image, 'latest')
    repositories = ['a', 'b'].map((end) => `${registry.host}/anchor/${randomBytes(6).toString('hex')}${end}`)
    raw = { layout: 'layout', repository: repositories, platform: 'linux/amd64' }
  })
  afterAll(async () => {
    await registry.stop()
    await directory[Symbol.asyncDispose]()
  })

  const push = (changes: RawInputs) => step.run(parseInputs(step, { ...raw, ...changes }), openHost({}, directory.path))

  const tags = async (): Promise<unknown[]> =>
    await Promise.all(
      repositories.map(async (repository) => {
        const answer = await fetch(`http://${repository.replace('/', '/v2/')}/tags/list`)
        return answer.ok ? ((await answer.json()) as { tags: unknown }).tags : undefined
      }),
    )

  test('refuses a template that is none before it pushes anything', async () => {
    await expect(push({ anchor: 'latest' })).rejects.toThrow('input anchor: "latest" gives no tag')
    expect(await tags()).toEqual([undefined, undefined])
  })

  test('tags the image in each repository, also where it is already, and says so in the record', async () => {
    await push({})
    expect(await tags()).toEqual([undefined, undefined])
    const anchor = `kept-${digest.slice(7, 19)}`
    expect((await push({ anchor: 'kept-{digest}' })).record.anchors).toEqual([anchor])
    expect(await tags()).toEqual([[anchor], [anchor]])
  })
})
