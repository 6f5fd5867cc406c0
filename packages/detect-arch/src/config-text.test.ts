// A polyarch.yaml that is written gives the same plan as what it was written from.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openHost } from '@polyarch/ci-host'
import { describe, expect, test } from 'vitest'
import { readConfig } from './config.ts'
import { writeFirstConfig } from './first-config.ts'
import { type Files, temporaryRepository, temporaryWorkspace, type Workspace } from './fixtures/workspace.ts'
import { migrateConfigs } from './migration.ts'

const hostOf = ({ path }: Workspace) => openHost({ PATH: process.env['PATH'] }, path)

describe('a migration', () => {
  const predecessor: Files = {
    'curl/build-config.yaml': `use_local_context: true
dockerfile_path: docker/Dockerfile
context_path: .
build_args: ["A=1.10", "EMPTY=", HOME]
platforms: [linux/amd64, linux/arm64/v8]
additional_tags: [latest, "1.0"]
`,
    'curl/docker/Dockerfile': 'FROM scratch\n',
    'examples/x/build-config.yaml': `use_local_context: true
dockerfile_path: Dockerfile
platforms: [linux/amd64]
targets: [{ name: debug, target: d }, { name: slim, target: s, additional_tags: [s] }]
`,
    'examples/x/Dockerfile': 'FROM scratch AS d\nFROM scratch AS s\n',
    'ko/build-config.yaml': 'build_backend: ko\nplatforms: [linux/amd64]\n',
  }

  test('gives the same plan as the files that it replaces', async () => {
    await using repository = await temporaryRepository(predecessor)
    const before = await repository.detect()
    const { text, notes, images } = await migrateConfigs(hostOf(repository))
    await writeFile(join(repository.path, 'polyarch.yaml'), text)
    const after = await repository.detect()
    expect(after.plan.images).toEqual(before.plan.images)
    expect(after.plan.legs).toEqual(before.plan.legs)
    expect(images).toEqual(['curl', 'examples-x-debug', 'examples-x-slim'])
    expect(notes.join('\n')).toContain('ko is left out: build_backend ko is not built here')
  })

  test('keeps images that were built by hand and other repositories', async () => {
    await using workspace = await temporaryWorkspace({
      'a/build-config.yaml': 'manual_build: true\nmanual_images: { amd64: "x.io/a:1", arm64: "x.io/a:2" }\n',
      'b/build-config.yaml':
        'upstream_repo: https://x.io/b.git\nupstream_ref: v1\ndockerfile_path: deploy/Dockerfile\ncontext_path: deploy\nplatforms: [linux/amd64]\n',
    })
    const { text } = await migrateConfigs(hostOf(workspace))
    expect(readConfig(text, 'polyarch.yaml').images).toMatchObject([
      { id: 'a', build: null, prebuilt: { 'linux/amd64': 'x.io/a:1', 'linux/arm64': 'x.io/a:2' } },
      {
        id: 'b',
        build: { context: 'deploy', dockerfile: 'deploy/Dockerfile', source: { url: 'https://x.io/b.git', ref: 'v1' } },
      },
    ])
  })

  test('of files with mistakes tells them', async () => {
    await using workspace = await temporaryWorkspace({ 'a/build-config.yaml': 'platforms: x' })
    await expect(migrateConfigs(hostOf(workspace))).rejects.toThrow('a/build-config.yaml:1:12: expected a list')
  })

  test('without files says so', async () => {
    await using workspace = await temporaryWorkspace()
    await expect(migrateConfigs(hostOf(workspace))).rejects.toThrow('there is no build-config.yaml')
  })
})

describe('a first config', () => {
  test('has an image for each Dockerfile, with the context that it copies from', async () => {
    await using repository = await temporaryRepository({
      Dockerfile: 'FROM scratch\nCOPY src /\n',
      'src/x': '',
      'web/Dockerfile': 'FROM scratch\nCOPY app /\n',
      'web/app/x': '',
      'web/Dockerfile.debug': 'FROM scratch\n',
      'docker/api.Dockerfile': 'FROM scratch AS a\nCOPY src /\nFROM scratch\nCOPY --from=a /x /\n',
      'web/Dockerfile.dockerignore': 'x',
      'node_modules/x/Dockerfile': 'FROM scratch\n',
      'docs/Dockerfile.md': '# How our Dockerfile works',
    })
    const { text, images } = await writeFirstConfig(hostOf(repository))
    const root = images[0] ?? ''
    expect(images).toEqual([root, 'api', 'web', 'web-debug'])
    expect(
      readConfig(text, 'polyarch.yaml').images.map(({ id, build }) => [id, build?.context, build?.dockerfile]),
    ).toEqual([
      [root, '.', 'Dockerfile'],
      ['api', '.', 'docker/api.Dockerfile'],
      ['web', 'web', 'web/Dockerfile'],
      ['web-debug', 'web', 'web/Dockerfile.debug'],
    ])
    await repository.write({ 'polyarch.yaml': text })
    expect((await repository.detect({}, { GITHUB_ACTIONS: 'true' })).plan.legs).toHaveLength(8)
  })

  test('is not written without a Dockerfile', async () => {
    await using workspace = await temporaryWorkspace({ 'README.md': '' })
    await expect(writeFirstConfig(hostOf(workspace))).rejects.toThrow('there is no Dockerfile')
  })
})
