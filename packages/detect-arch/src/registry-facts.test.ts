// What a plan asks registries, on a real one: platforms of base images, prebuilt images.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are Dockerfile variables

import { join } from 'node:path'
import { openHost } from '@polyarch/ci-host'
import { type Platform, parsePlatform, parseStoreLocation, type Store } from '@polyarch/oci'
import { lacks, pushSampleImage, type RunningRegistry, sampleImage, sampleIndex, startRegistry } from '@polyarch/parts'
import { openStores } from '@polyarch/stores'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { temporaryWorkspace } from './fixtures/workspace.ts'

const images = (...platforms: string[]) => platforms.map((platform) => sampleImage(parsePlatform(platform)))

/** Pushes an index over images of the platforms. */
const pushIndex = async (store: Store, tag: string, platforms: readonly Platform[]): Promise<void> => {
  const children = platforms.map((platform) => sampleImage(platform))
  for (const child of children) await pushSampleImage(store, child)
  await store.pushManifest(sampleIndex(children), tag)
}

describe.skipIf(lacks('docker-registry'))('with a registry,', () => {
  let registry: RunningRegistry
  const open = async (location: string): Promise<Store> => {
    const stores = await openStores(
      { 'registry-auth': [], 'insecure-registries': [], 'registry-mirrors': [] },
      openHost({ PATH: process.env['PATH'] }),
    )
    return stores.open(parseStoreLocation(location.includes(':') ? location : `${registry.host}/${location}`))
  }

  beforeAll(async () => {
    registry = await startRegistry()
    await pushIndex(await open('three'), '1', ['linux/amd64', 'linux/arm64', 'linux/s390x'].map(parsePlatform))
    await pushIndex(await open('two'), '1', ['linux/s390x', 'linux/amd64', 'linux/riscv64'].map(parsePlatform))
    for (const image of images('linux/arm64')) await pushSampleImage(await open('one'), image, '1')
  })
  afterAll(() => registry.stop())

  const auto = (dockerfile: string, extra = '') =>
    temporaryWorkspace({
      'polyarch.yaml': `version: 1\nimages:\n  web: { platforms: auto${extra} }\n`,
      Dockerfile: dockerfile.replaceAll('REG', registry.host),
    })

  describe('platforms: auto', () => {
    test.each<[string, string, string[]]>([
      ['is what the base image has', 'FROM REG/three:1\n', ['linux/amd64', 'linux/arm64', 'linux/s390x']],
      [
        'is what all base images have in common',
        'FROM REG/three:1 AS a\nFROM REG/two:1\nCOPY --from=a x y\n',
        ['linux/amd64', 'linux/s390x'],
      ],
      [
        'does not count stages that are not reached',
        'FROM REG/one:1 AS a\nFROM REG/two:1\n',
        ['linux/s390x', 'linux/amd64', 'linux/riscv64'],
      ],
      ['does not count scratch', 'FROM REG/one:1 AS a\nFROM scratch\nCOPY --from=a x y\n', ['linux/arm64']],
      [
        'does not count stages on the build platform',
        'FROM --platform=$BUILDPLATFORM REG/one:1 AS a\nFROM REG/two:1\nCOPY --from=a x y\n',
        ['linux/s390x', 'linux/amd64', 'linux/riscv64'],
      ],
      ['is the one platform of an image that is no index', 'FROM REG/one:1\n', ['linux/arm64']],
    ])('%s', async (_what, dockerfile, expected) => {
      await using workspace = await auto(dockerfile)
      const { plan, log } = await workspace.detect()
      expect(plan.images[0]?.platforms).toEqual(expected)
      expect(log).toMatch(new RegExp(`web: Dockerfile:\\d+ ${registry.host}/\\w+:1 has linux/`))
    })

    test('is that of the image of the plan that it is built from, though nobody has pushed it yet', async () => {
      await using workspace = await temporaryWorkspace({
        'polyarch.yaml': `version: 1
images:
  web: { platforms: auto, repositories: [${registry.host}/shop/web] }
  base: { context: base, platforms: [linux/riscv64, linux/amd64], repositories: [${registry.host}/shop/base], tags: [next] }
`,
        Dockerfile: `FROM ${registry.host}/shop/base:next\n`,
        'base/Dockerfile': 'FROM scratch\n',
      })
      const { plan } = await workspace.detect()
      expect(plan.images.map(({ id, platforms, needs }) => [id, platforms, needs])).toEqual([
        ['base', ['linux/riscv64', 'linux/amd64'], []],
        ['web', ['linux/riscv64', 'linux/amd64'], ['base']],
      ])
    })

    test.each<[string, string, string]>([
      ['only scratch', 'FROM scratch\n', 'nothing'],
      [
        'nothing in common',
        'FROM REG/one:1 AS a\nFROM REG/two:1\nCOPY --from=a x y\n',
        'the base images have no platform in common: Dockerfile:1 REG/one:1 has linux/arm64; Dockerfile:2 REG/two:1 has linux/s390x, linux/amd64, linux/riscv64',
      ],
      ['an image that is not there', 'FROM REG/none:1\n', 'MANIFEST_UNKNOWN'],
      [
        'an image per architecture',
        'FROM REG/three-${TARGETARCH}:1\n',
        'is built from another image on each platform: list the platforms',
      ],
      ['a variable without a value', 'ARG V\nFROM REG/three:${V}\n', 'where V has no value'],
    ])('is refused for %s', async (_what, dockerfile, message) => {
      await using workspace = await auto(dockerfile)
      const wanted =
        message === 'nothing'
          ? 'built from no base image that could say which'
          : message.replaceAll('REG', registry.host)
      await expect(workspace.detect()).rejects.toThrow(wanted)
      await expect(workspace.detect()).rejects.toThrow(/^polyarch\.yaml:3:21: web: /)
    })
  })

  describe('hybrid (#5): a prebuilt platform', () => {
    const prebuilt = (reference: string) =>
      temporaryWorkspace({
        'polyarch.yaml': `version: 1\nimages:\n  web:\n    platforms: [linux/amd64]\n    prebuilt: { linux/s390x: "${reference}" }\n`,
        Dockerfile: 'FROM scratch\n',
      })

    test('has no leg, and is pinned to the digest that its tag has now', async () => {
      await using workspace = await prebuilt(`${registry.host}/three:1`)
      const { plan } = await workspace.detect()
      const [child] = images('linux/s390x')
      expect(plan.images[0]).toMatchObject({
        platforms: ['linux/amd64', 'linux/s390x'],
        prebuilt: { 'linux/s390x': `${registry.host}/three@${child?.manifest.descriptor.digest}` },
      })
      expect(plan.legs.map(({ id }) => id)).toEqual(['web.linux-amd64'])
    })

    test('may lie in a layout on disk', async () => {
      await using workspace = await prebuilt('oci:built:z')
      const [child] = images('linux/s390x')
      if (child) await pushSampleImage(await open(`oci:${join(workspace.path, 'built')}`), child, 'z')
      const { plan } = await workspace.detect()
      expect(plan.images[0]?.prebuilt).toEqual({ 'linux/s390x': `oci:built@${child?.manifest.descriptor.digest}` })
    })

    test('of one os.version among several has to be named by its digest', async () => {
      const versions = ['10.0.17763.1', '10.0.20348.1']
      const windows = versions.map((version) => ({ ...parsePlatform('windows/amd64'), 'os.version': version }))
      await pushIndex(await open('windows'), '1', windows)
      const config = (reference: string) =>
        `version: 1\nimages:\n  web: { prebuilt: { windows/amd64: "${registry.host}/windows${reference}" } }\n`
      await using workspace = await temporaryWorkspace({ 'polyarch.yaml': config(':1') })
      const [server2019, server2022] = windows.map((platform) => sampleImage(platform).manifest.descriptor.digest)
      await expect(workspace.detect()).rejects.toThrow(
        `windows:1 has 2 images for it, name one by its digest: ${server2019} (os.version ${versions[0]}), ${server2022} (os.version ${versions[1]})`,
      )
      await workspace.write({ 'polyarch.yaml': config(`@${server2022}`) })
      const { plan } = await workspace.detect()
      expect(plan.images[0]?.prebuilt).toEqual({ 'windows/amd64': `${registry.host}/windows@${server2022}` })
    })

    test.each([
      ['of another platform', 'one:1', 'prebuilt linux/s390x: REG/one:1 is for linux/arm64'],
      ['that is not there', 'one:2', 'prebuilt linux/s390x: there is no REG/one:2'],
      ['in no repository', 'none:1', 'prebuilt linux/s390x: there is no REG/none:1'],
    ])('%s is refused with its place', async (_what, name, message) => {
      await using workspace = await prebuilt(`${registry.host}/${name}`)
      await expect(workspace.detect()).rejects.toThrow(
        `polyarch.yaml:5:30: web: ${message.replace('REG', registry.host)}`,
      )
    })
  })
})
