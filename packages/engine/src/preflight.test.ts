// What only base images show: the platform's own config is read, also where an index stands before it.
import { openLayout } from '@polyarch/layout'
import { buildIndex, type ManifestContent, mediaTypes, type Platform, parsePlatform, type Store } from '@polyarch/oci'
import { sampleBlob, sampleContent, sampleManifest, temporaryDirectory } from '@polyarch/parts'
import { openImageLookup } from '@polyarch/stores'
import { expect, test } from 'vitest'
import { findFeatures } from './preflight.ts'

const amd64 = parsePlatform('linux/amd64')
const arm64 = parsePlatform('linux/arm64')

const pushImage = async (store: Store, platform: Platform, OnBuild?: string[]): Promise<ManifestContent> => {
  const rootfs = { type: 'layers', diff_ids: [] }
  const config = sampleBlob(JSON.stringify({ ...platform, config: { OnBuild }, rootfs }), mediaTypes.ociConfig)
  await store.pushBlob(config.descriptor, sampleContent(config.bytes))
  const image = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: config.descriptor, layers: [] }
  const manifest = sampleManifest(image, platform)
  await store.pushManifest(manifest)
  return manifest
}

test('the triggers of a base image are found behind its index, for the platform that is built', async () => {
  await using directory = await temporaryDirectory()
  const store = openLayout(directory.path)
  const images = [await pushImage(store, amd64), await pushImage(store, arm64, ['RUN true'])]
  await store.pushManifest(buildIndex(images.map(({ descriptor }) => descriptor)), '1')
  const lookUp = openImageLookup({ open: () => store })
  const find = async (platform: Platform, text = 'FROM registry.example/base:1\n'): Promise<string[]> => {
    const settings = { target: null, platform, buildPlatform: amd64, args: {} }
    const unknown: string[] = []
    const findings = await findFeatures({ text, settings }, lookUp, (line) => unknown.push(line))
    expect(unknown).toEqual([])
    return findings.map(({ feature }) => feature)
  }
  expect(await find(arm64)).toEqual(['base-onbuild'])
  expect(await find(amd64)).toEqual([])
  expect(await find(arm64, 'FROM scratch\nCOPY --from=registry.example/base:1 / /\n')).toEqual([])
})

test('an image that cannot be looked up is told of once, however often it is used', async () => {
  await using directory = await temporaryDirectory()
  const lookUp = openImageLookup({ open: () => openLayout(directory.path) })
  const unknown: string[] = []
  const text = 'FROM registry.example/base:1 AS one\nFROM registry.example/base:1\nCOPY --from=one / /\n'
  const settings = { target: null, platform: arm64, buildPlatform: amd64, args: {} }
  await findFeatures({ text, settings }, lookUp, (line) => unknown.push(line))
  expect(unknown).toEqual([expect.stringMatching(/^registry\.example\/base:1 was not checked: /)])
})
