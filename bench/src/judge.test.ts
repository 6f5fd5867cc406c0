// The judge on a real registry: it accepts what is right and refuses what is not.
import { join } from 'node:path'
import { lacks, partPath, startRegistry, temporaryDirectory } from '@polyarch/parts'
import { expect, test } from 'vitest'
import { judgeMerge, judgePush } from './judge.ts'
import { measureScript } from './measure.ts'
import { command } from './shell-script.ts'
import { changeConfig, layoutTag, writeImage, writeLegs } from './workload.ts'

const never = new AbortController().signal
const missing = lacks('distribution-3', 'skopeo', 'crane', 'regctl', 'oras', 'time')

const push = (layout: string, target: string) =>
  measureScript(
    command(partPath('oras'), 'cp', '--from-oci-layout', '--to-plain-http', `${layout}:${layoutTag}`, target),
    never,
  )

test.skipIf(missing)('a pushed image is right, another one in its place is not', async () => {
  await using directory = await temporaryDirectory()
  await using registry = await startRegistry({ server: 'distribution-3' })
  const image = await writeImage(join(directory.path, 'image'), { layers: 3, layerBytes: 2_500_000 })
  const changed = await changeConfig(image, join(directory.path, 'changed'))
  const repository = `${registry.host}/some/image`
  const job = { host: registry.host, repository, tag: layoutTag }
  await push(image.layout, `${repository}:${layoutTag}`)
  await judgePush({ ...job, image }, registry.host, true)
  await expect(judgePush({ ...job, image: changed }, registry.host, true)).rejects.toThrow('cannot read it back')
  expect(image.layers.map(({ descriptor }) => descriptor.digest)).toEqual(
    changed.layers.map(({ descriptor }) => descriptor.digest),
  )
})

test.skipIf(missing)('a merge is right only with exactly the legs under every tag', async () => {
  await using directory = await temporaryDirectory()
  await using registry = await startRegistry({ server: 'distribution-3' })
  const written = await writeLegs(join(directory.path, 'legs'), ['linux/amd64', 'linux/arm64'], { attested: true })
  const repository = `${registry.host}/some/image`
  const job = {
    host: registry.host,
    repositories: [repository],
    tags: ['v0'],
    legs: written.legs,
    records: '',
  } as const
  await push(written.layout, `${repository}:v0`)
  await judgeMerge(job, registry.host, true)
  const [first] = written.legs
  await expect(judgeMerge({ ...job, legs: first ? [first] : [] }, registry.host, false)).rejects.toThrow(
    'has 4 children, not exactly the 2 legs',
  )
  await expect(judgeMerge({ ...job, tags: ['v0', 'v1'] }, registry.host, false)).rejects.toThrow('cannot read it back')
})
