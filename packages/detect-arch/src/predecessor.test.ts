// Regression tests for what the predecessor's shell pipeline did wrong, one per row of that list.
import { openHost } from '@polyarch/ci-host'
import { parsePlan } from '@polyarch/documents'
import { parsePlatform, parseStoreLocation } from '@polyarch/oci'
import { pushSampleImage, sampleImage } from '@polyarch/parts'
import { openStores } from '@polyarch/stores'
import { describe, expect, test } from 'vitest'
import { type Files, temporaryRepository, temporaryWorkspace } from './fixtures/workspace.ts'

const dockerfile = 'FROM scratch\nARG VERSION\n'

const local = (...lines: string[]): string =>
  ['use_local_context: true', 'dockerfile_path: Dockerfile', ...lines].join('\n')

const oneImage = (...lines: string[]): Files => ({
  'curl/build-config.yaml': local(...lines),
  'curl/Dockerfile': dockerfile,
})

describe('the predecessor', () => {
  test('built platforms that were commented out, and matched linux/arm64/v8 by luck', async () => {
    await using workspace = await temporaryWorkspace(oneImage('platforms:', '  - linux/amd64', '#  - linux/arm64'))
    expect((await workspace.detect()).plan.images[0]?.platforms).toEqual(['linux/amd64'])
    await workspace.write(oneImage('platforms:', '  - linux/arm64/v8'))
    expect((await workspace.detect()).plan.images[0]?.platforms).toEqual(['linux/arm64'])
  })

  test('accepted linux/arm/v7 and silently never built it', async () => {
    await using workspace = await temporaryWorkspace(oneImage('platforms: [linux/arm/v7]'))
    const { plan } = await workspace.detect()
    expect(plan.legs.map(({ id, native }) => [id, native])).toEqual([['curl.linux-arm-v7', false]])
  })

  test('took the items of the next list for tags', async () => {
    await using workspace = await temporaryWorkspace(
      oneImage('additional_tags:', '  - latest', 'platforms:', '  - linux/amd64'),
    )
    expect((await workspace.detect()).plan.images[0]?.tags).toEqual(['latest'])
  })

  test('made references of manual images that no registry takes: here each is looked up as it is written', async () => {
    await using workspace = await temporaryWorkspace({
      'kaniko/build-config.yaml': 'manual_build: true\nmanual_images: { amd64: "oci:executor:v1.25.3-debug-amd64" }\n',
    })
    await expect(workspace.detect()).rejects.toThrow('there is no oci:executor:v1.25.3-debug-amd64')
    const image = sampleImage(parsePlatform('linux/amd64'))
    const settings = { 'registry-auth': [], 'insecure-registries': [], 'registry-mirrors': [] }
    await using stores = await openStores(settings, openHost({}, workspace.path))
    await pushSampleImage(stores.open(parseStoreLocation('oci:executor')), image, 'v1.25.3-debug-amd64')
    const { plan } = await workspace.detect()
    expect(plan.images[0]?.prebuilt).toEqual({ 'linux/amd64': `oci:executor@${image.manifest.descriptor.digest}` })
  })

  test('never passed build_args on', async () => {
    await using workspace = await temporaryWorkspace(
      oneImage('platforms: [linux/amd64]', 'build_args: ["VERSION=1.2"]'),
    )
    expect((await workspace.detect()).plan.images[0]?.build?.args).toEqual({ VERSION: '1.2' })
  })

  test('built everything when nothing had changed, for a test that was always true', async () => {
    await using repository = await temporaryRepository(oneImage('platforms: [linux/amd64]'))
    const { empty, matrix, 'merge-matrix': mergeMatrix, plan } = await repository.detect({ 'changed-since': 'HEAD' })
    expect([empty, matrix.include, mergeMatrix.include]).toEqual([true, [], []])
    expect(parsePlan(JSON.stringify(plan), 'plan').skipped).toHaveLength(1)
  })

  test('gave images of a single architecture no tags, and failed when there were only such', async () => {
    await using repository = await temporaryRepository(
      oneImage('platforms: [linux/amd64]', 'additional_tags: [latest]'),
    )
    const { plan, 'merge-matrix': mergeMatrix } = await repository.detect()
    expect(plan.images[0]?.tags).toEqual(['20260102', 'latest'])
    expect(mergeMatrix.include).toEqual([{ image: 'curl' }])
  })

  test('built other directories on schedule than it merged, and took comments for directories', async () => {
    await using repository = await temporaryRepository({
      ...oneImage('platforms: [linux/amd64]'),
      'other/build-config.yaml': local('platforms: [linux/arm64]'),
      'other/Dockerfile': dockerfile,
      'rebuild-weekly.txt': '# every week\ncurl\n',
    })
    const { plan, 'merge-matrix': mergeMatrix } = await repository.detect({ schedule: 'rebuild-weekly.txt' })
    expect(plan.legs.map(({ id }) => id)).toEqual(['curl.linux-amd64'])
    expect(mergeMatrix.include).toEqual([{ image: 'curl' }])
  })

  test('mixed builds of two days under tags by date: here a tag is of the commit’s day, however late it is built', async () => {
    await using repository = await temporaryRepository(oneImage('platforms: [linux/amd64]'))
    const first = await repository.detect()
    expect(first.plan.images[0]?.tags).toEqual(['20260102'])
    expect((await repository.detect()).plan.id).toBe(first.plan.id)
  })

  test('overlooked nested directories, and files that were deleted or renamed', async () => {
    await using repository = await temporaryRepository({
      'examples/x/build-config.yaml': local('platforms: [linux/amd64]'),
      'examples/x/Dockerfile': dockerfile,
      'examples/x/a': '1',
      'curl/build-config.yaml': local('platforms: [linux/amd64]'),
      'curl/Dockerfile': dockerfile,
    })
    const base = await repository.git('rev-parse', 'HEAD')
    await repository.commit({ 'examples/x/a': null })
    expect((await repository.detect({ 'changed-since': base })).plan.images.map(({ id }) => id)).toEqual(['examples-x'])
    await repository.git('mv', 'curl/Dockerfile', 'examples/x/Dockerfile.curl')
    await repository.commit({ 'curl/Dockerfile': dockerfile })
    const second = await repository.git('rev-parse', 'HEAD')
    await repository.git('mv', 'examples/x/Dockerfile.curl', 'curl/moved')
    await repository.commit({})
    expect((await repository.detect({ 'changed-since': second })).plan.images.map(({ id }) => id)).toEqual([
      'curl',
      'examples-x',
    ])
  })

  test('knew that a README says nothing, and so do we', async () => {
    await using repository = await temporaryRepository({
      ...oneImage('platforms: [linux/amd64]'),
      'curl/README.md': '1',
    })
    await repository.commit({ 'curl/README.md': '2' })
    expect((await repository.detect({ 'changed-since': 'HEAD^' })).empty).toBe(true)
  })

  test('had no validation: every mistake of every file is told at once', async () => {
    await using workspace = await temporaryWorkspace({
      'a/build-config.yaml': 'use_local_context: true\nplatforms: [linux/amd46]\ndockerfile_path: x',
      'b/build-config.yaml': 'dockerfile_path: x\nplatforms: [linux/amd64]',
    })
    await expect(workspace.detect()).rejects.toThrow(
      /a\/build-config\.yaml:2:13: unknown platform.*\nb\/build-config\.yaml:1:1: neither/s,
    )
  })
})

test('a directory with a ko build is in the plan as skipped, with the reason', async () => {
  await using workspace = await temporaryWorkspace({
    ...oneImage('platforms: [linux/amd64]'),
    'ko/build-config.yaml': 'build_backend: ko\nplatforms: [linux/amd64]\nko_config: { import_path: ./cmd }',
  })
  const { plan } = await workspace.detect()
  expect(plan.skipped).toMatchObject([{ image: 'ko' }])
  expect(plan.images.map(({ id }) => id)).toEqual(['curl'])
})
