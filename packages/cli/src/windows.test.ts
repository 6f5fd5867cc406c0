// Windows images are told apart by os.version, which no platform's text has: it goes from the image into the index.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openHost, parseInputs } from '@polyarch/ci-host'
import { parseIndex, parsePlatform, parseStoreLocation } from '@polyarch/oci'
import { pushSampleImage, sampleImage, sampleIndex, temporaryDirectory } from '@polyarch/parts'
import { openStores } from '@polyarch/stores'
import { expect, test } from 'vitest'
import { step } from './walk.ts'

test('a prebuilt windows image keeps its os.version from its index to the merged one', async () => {
  await using workspace = await temporaryDirectory('polyarch-windows')
  const host = openHost({ PATH: process.env['PATH'] }, workspace.path)
  await using stores = await openStores(
    { 'registry-auth': [], 'insecure-registries': [], 'registry-mirrors': [] },
    host,
  )
  const windows = { ...parsePlatform('windows/amd64'), 'os.version': '10.0.20348.1' }
  const children = [windows, parsePlatform('linux/amd64')].map((platform) => sampleImage(platform))
  const elsewhere = stores.open(parseStoreLocation('oci:elsewhere'))
  for (const child of children) await pushSampleImage(elsewhere, child)
  await elsewhere.pushManifest(sampleIndex(children), '1')
  await writeFile(
    join(workspace.path, 'polyarch.yaml'),
    'version: 1\nimages:\n  web: { tags: [latest], prebuilt: { windows/amd64: "oci:elsewhere:1", linux/amd64: "oci:elsewhere:1" } }\n',
  )

  const { results } = await step.run(parseInputs(step, { to: 'oci:out' }), host)
  expect(results.map(({ platforms }) => platforms.map(({ platform }) => platform))).toEqual([
    ['windows/amd64', 'linux/amd64'],
  ])
  const { bytes } = await stores.open(parseStoreLocation('oci:out/web')).getManifest('latest')
  expect(parseIndex(bytes).manifests.map(({ platform }) => platform)).toEqual([windows, parsePlatform('linux/amd64')])
})
