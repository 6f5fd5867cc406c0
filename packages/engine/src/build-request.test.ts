// What inputs and legs ask to be built, and what is refused.
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openHost, parseInputs, type RawInputs } from '@polyarch/ci-host'
import { sealPlan } from '@polyarch/documents'
import { temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { buildInputs } from './build-inputs.ts'
import { readBuildRequest } from './build-request.ts'
import { hostPlatform } from './host-platform.ts'

const step = { inputs: z.object(buildInputs) }

const plan = (change: object = {}) =>
  sealPlan({
    source: { repository: null, revision: null, created: null },
    images: [
      {
        id: 'web',
        repositories: ['ghcr.io/acme/web'],
        tags: ['latest'],
        platforms: ['linux/arm64'],
        labels: { maintainer: 'acme' },
        annotations: {},
        build: { context: 'web', dockerfile: 'web/Dockerfile', target: 'release', args: { A: '1' }, remote: null },
        prebuilt: {},
        needs: [],
        ...change,
      },
    ],
    legs: [
      {
        id: 'web.linux-arm64',
        image: 'web',
        platform: 'linux/arm64',
        engine: 'kaniko',
        runner: 'ubuntu-24.04-arm',
        native: true,
      },
    ],
    skipped: [],
  })

/** A workspace with web/Dockerfile, a Dockerfile of its own, and something outside it. */
const withWorkspace = async <T>(work: (workspace: string, outside: string) => Promise<T>): Promise<T> => {
  await using directory = await temporaryDirectory()
  const workspace = join(directory.path, 'workspace')
  const outside = join(directory.path, 'outside')
  await mkdir(join(workspace, 'web'), { recursive: true })
  await mkdir(outside)
  for (const file of [join(workspace, 'Dockerfile'), join(workspace, 'web/Dockerfile'), join(outside, 'Dockerfile')])
    await writeFile(file, 'FROM scratch\n')
  return await work(workspace, outside)
}

const read = (raw: RawInputs, workspace: string, env: Record<string, string> = {}) =>
  readBuildRequest(parseInputs(step, raw), openHost(env, workspace), 'kaniko')

const readAnywhere = (raw: RawInputs, env?: Record<string, string>) =>
  withWorkspace((workspace) => read(raw, workspace, env))

test('a leg of another repository is built from what the planning job fetched, and says so where that is missing', async () => {
  const remote = { url: 'https://example.com/x.git', ref: 'v1', commit: 'a'.repeat(40) }
  const source = (context: string) =>
    plan({ build: { context, dockerfile: `${context}/Dockerfile`, target: null, args: {}, remote } })
  await withWorkspace(async (workspace) => {
    const raw = (context: string) => ({ plan: JSON.stringify(source(context)), leg: 'web.linux-arm64' })
    expect((await read(raw('web'), workspace)).context).toBe(join(workspace, 'web'))
    await expect(read(raw('.polyarch/sources/x'), workspace)).rejects.toThrow(
      'there is no .polyarch/sources/x: the job that planned fetched it from https://example.com/x.git',
    )
  })
})

test('a leg of a plan says everything', async () => {
  await withWorkspace(async (workspace) => {
    const raw = { plan: JSON.stringify(plan()), leg: 'web.linux-arm64', layout: 'out/web' }
    expect(await read(raw, workspace)).toMatchObject({
      name: 'web.linux-arm64',
      platform: { os: 'linux', architecture: 'arm64' },
      context: join(workspace, 'web'),
      dockerfile: join(workspace, 'web/Dockerfile'),
      target: 'release',
      labels: { maintainer: 'acme' },
      layout: join(workspace, 'out/web'),
      args: { A: '1', TARGETARCH: 'arm64', TARGETPLATFORM: 'linux/arm64', BUILDARCH: hostPlatform().architecture },
    })
  })
})

test('without a plan this machine’s platform and the workspace are built', async () => {
  await withWorkspace(async (workspace) => {
    expect(await read({}, workspace)).toMatchObject({
      platform: hostPlatform(),
      context: workspace,
      dockerfile: join(workspace, 'Dockerfile'),
      layout: join(workspace, '.polyarch/layouts', `linux-${hostPlatform().architecture}`),
    })
  })
})

test('a Dockerfile is looked for in the context, then in the workspace', async () => {
  await withWorkspace(async (workspace) => {
    await mkdir(join(workspace, 'empty'))
    const dockerfile = async (raw: RawInputs) => (await read(raw, workspace)).dockerfile
    expect(await dockerfile({ context: 'web' })).toBe(join(workspace, 'web/Dockerfile'))
    expect(await dockerfile({ context: 'web', dockerfile: 'web/Dockerfile' })).toBe(join(workspace, 'web/Dockerfile'))
    expect(await dockerfile({ context: 'empty' })).toBe(join(workspace, 'Dockerfile'))
  })
})

test('build arguments: the user’s win over the automatic ones, a bare name is read from the environment', async () => {
  const raw = { 'build-args': 'TARGETARCH=other\nVERSION\nEMPTY=\nEQUALS=a=b', platform: 'linux/arm/v7' }
  expect((await readAnywhere(raw, { VERSION: '1.2.3' })).args).toMatchObject({
    TARGETARCH: 'other',
    TARGETVARIANT: 'v7',
    VERSION: '1.2.3',
    EMPTY: '',
    EQUALS: 'a=b',
  })
  await expect(readAnywhere(raw)).rejects.toThrow(/^input build-args: "VERSION" has no value/)
})

test('each platform caches in a repository of its own', async () => {
  const of = async (platform: string) =>
    (await readAnywhere({ 'cache-repo': 'ghcr.io/acme/web/cache', platform })).cacheRepository
  expect(await of('linux/arm64')).toEqual({ host: 'ghcr.io', name: 'acme/web/cache/linux-arm64' })
  expect(await of('linux/arm/v7')).toEqual({ host: 'ghcr.io', name: 'acme/web/cache/linux-arm-v7' })
})

test('secrets come as values or from files', async () => {
  await withWorkspace(async (workspace) => {
    await writeFile(join(workspace, 'token'), 'from a file\n')
    const { secrets } = await read({ secrets: 'a=value=1\nb=@token' }, workspace)
    expect(secrets.map(({ id, value }) => [id, Buffer.from(value).toString()])).toEqual([
      ['a', 'value=1'],
      ['b', 'from a file\n'],
    ])
  })
})

test('the source date is given in seconds, or is the commit’s: of the plan, or of the workspace', async () => {
  const { source, images, legs, skipped } = plan()
  const at = (created: string | null) =>
    JSON.stringify(sealPlan({ source: { ...source, created }, images, legs, skipped }))
  const epoch = async (raw: RawInputs) => (await readAnywhere({ leg: 'web.linux-arm64', ...raw })).sourceDateEpoch
  expect(await epoch({ plan: at(null), 'source-date-epoch': '7' })).toBe(7)
  expect(await epoch({ plan: at('2026-01-02T03:04:05Z'), 'source-date-epoch': 'commit' })).toBe(1_767_323_045)
  await expect(epoch({ plan: at(null), 'source-date-epoch': 'commit' })).rejects.toThrow('no commit that is known of')
  await expect(readAnywhere({ 'source-date-epoch': 'commit' })).rejects.toThrow('no commit that is known of')
})

describe('refuses', () => {
  test.each([
    ['plan without leg', { plan: '{}' }, /^inputs plan and leg belong together: leg is missing/],
    ['leg without plan', { leg: 'web' }, /^inputs plan and leg belong together: plan is missing/],
    ['plan and context', { plan: '{}', leg: 'web', context: 'web' }, /^input context contradicts plan/],
    ['plan and build-args', { plan: '{}', leg: 'web', 'build-args': 'A=1' }, /^input build-args contradicts plan/],
    [
      'an unknown platform',
      { platform: 'linux/amd65' },
      /^input platform: unknown platform "linux\/amd65": did you mean linux\/amd64/,
    ],
    ['a missing context', { context: 'nowhere' }, /^input context: .*nowhere does not exist/],
    ['a file as context', { context: 'Dockerfile' }, /^input context: .*Dockerfile is not a directory/],
    ['a missing Dockerfile', { dockerfile: 'Nofile' }, /^input dockerfile: "Nofile" is neither in the context/],
    ['a directory as Dockerfile', { dockerfile: 'web' }, /^input dockerfile: .*web is not a file/],
    ['a context above the workspace', { context: '..' }, /^input context: .*outside the workspace/],
    ['the root as context', { context: '/' }, /^input context: .*outside the workspace/],
    ['a Dockerfile above the workspace', { dockerfile: '../outside/Dockerfile' }, /^input dockerfile: .*outside/],
    ['a secret without id', { secrets: 'value' }, /^input secrets: line 1 is not id=value/],
    ['a secret that is a path', { secrets: '../id=value' }, /^input secrets: line 1 is not id=value/],
    ['a secret twice', { secrets: 'a=1\na=2' }, /^input secrets: "a" is given twice/],
    ['a time that is none', { 'source-date-epoch': 'today' }, /^input source-date-epoch: expected seconds/],
    ['a cache that is a URL', { 'cache-repo': 'http://ghcr.io/web' }, /^input cache-repo: invalid reference "http:/],
    ['a cache on disk', { 'cache-repo': 'oci:cache' }, /^input cache-repo: expected HOST/],
  ] as const)('%s', async (_, raw, message) => {
    await expect(readAnywhere(raw)).rejects.toMatchObject({ kind: 'input', message: expect.stringMatching(message) })
  })

  test('a secret’s value is never in the message', async () => {
    await expect(readAnywhere({ secrets: 'hunter2hunter2' })).rejects.not.toThrow(/hunter2/)
  })

  test.each([
    ['context', { context: 'link' }],
    ['dockerfile', { dockerfile: 'link/Dockerfile' }],
  ])('a %s that a symbolic link leads out of the workspace', async (input, raw) => {
    await withWorkspace(async (workspace, outside) => {
      await symlink(outside, join(workspace, 'link'))
      await expect(read(raw, workspace)).rejects.toThrow(
        new RegExp(`^input ${input}: .*leads to .*outside.*, outside the workspace`),
      )
    })
  })

  test('a leg of another engine, of another plan, with nothing to build or with something to extend', async () => {
    const own = { plan: JSON.stringify(plan()), leg: 'web.linux-amd64' }
    await expect(readAnywhere(own)).rejects.toThrow(/leg "web.linux-amd64" is not in plan/)
    const prebuilt = JSON.stringify(plan({ build: null }))
    await expect(readAnywhere({ plan: prebuilt, leg: 'web.linux-arm64' })).rejects.toThrow(/nothing to build/)
    const extend = { kind: 'run', context: 'web', layers: 'layers' }
    await expect(
      readAnywhere({ plan: JSON.stringify(plan({ build: null, extend })), leg: 'web.linux-arm64' }),
    ).rejects.toThrow('leg web.linux-arm64 extends a run image: build it with extend-image')
    await withWorkspace(async (workspace) => {
      const inputs = parseInputs(step, { plan: JSON.stringify(plan()), leg: 'web.linux-arm64' })
      await expect(readBuildRequest(inputs, openHost({}, workspace), 'buildah')).rejects.toThrow(
        'leg web.linux-arm64 is planned for kaniko: build it with kaniko-build',
      )
    })
  })
})
