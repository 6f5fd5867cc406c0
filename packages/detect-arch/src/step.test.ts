// detect-arch on whole workspaces: the plans that it makes, and what it refuses.
import { readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { RawInputs } from '@polyarch/ci-host'
import { parsePlan } from '@polyarch/documents'
import { describe, expect, test } from 'vitest'
import { temporaryWorkspace, type WholeOutputs } from './fixtures/workspace.ts'
import { step } from './step.ts'

const github = { GITHUB_ACTIONS: 'true', GITHUB_REPOSITORY: 'Acme/Shop', GITHUB_SHA: '1'.repeat(40) }
const gitlab = { GITLAB_CI: 'true', CI_REGISTRY_IMAGE: 'registry.example.com/acme/shop' }

/** Runs the step over a workspace that holds these files. */
const detect = async (
  files: Readonly<Record<string, string>>,
  flags: RawInputs = {},
  env: Readonly<Record<string, string>> = {},
  prepare: (directory: string) => Promise<void> = () => Promise.resolve(),
): Promise<WholeOutputs> => {
  await using workspace = await temporaryWorkspace(files)
  await prepare(workspace.path)
  return await workspace.detect(flags, env)
}

const shop = {
  'polyarch.yaml': `version: 1
defaults: { platforms: [linux/amd64, linux/arm64] }
images:
  web: { context: web, tags: ["1.0", latest], needs: [base], target: release, build-args: { A: "1" } }
  base: { context: base }
`,
  'web/Dockerfile': 'FROM scratch AS release\nFROM release\n',
  'base/Dockerfile': 'FROM scratch\n',
}

describe('detect-arch', () => {
  test('plans each image once per platform, on its runner, what is needed first', async () => {
    const { plan, matrix, 'merge-matrix': mergeMatrix, empty } = await detect(shop, {}, github)
    expect(plan.images.map(({ id, repositories }) => [id, ...repositories])).toEqual([
      ['base', 'ghcr.io/acme/shop/base'],
      ['web', 'ghcr.io/acme/shop/web'],
    ])
    expect(plan.images[1]).toMatchObject({
      tags: ['1.0', 'latest'],
      build: { context: 'web', dockerfile: 'web/Dockerfile', target: 'release', args: { A: '1' }, remote: null },
      needs: ['base'],
    })
    expect(matrix.include).toEqual(
      ['base', 'web'].flatMap((image) => [
        { leg: `${image}.linux-amd64`, image, platform: 'linux/amd64', engine: 'kaniko', runner: 'ubuntu-24.04' },
        { leg: `${image}.linux-arm64`, image, platform: 'linux/arm64', engine: 'kaniko', runner: 'ubuntu-24.04-arm' },
      ]),
    )
    expect(mergeMatrix).toEqual({ include: [{ image: 'base' }, { image: 'web' }] })
    expect(empty).toBe(false)
  })

  test('plans the same twice, as one document that other steps accept', async () => {
    const first = await detect(shop, {}, gitlab)
    const second = await detect(shop, {}, gitlab)
    expect(second.plan).toEqual(first.plan)
    expect(parsePlan(JSON.stringify(first.plan), 'plan')).toEqual(first.plan)
    expect(first.plan.images[0]?.repositories).toEqual(['registry.example.com/acme/shop/base'])
  })

  test('writes the plan to a file where it is asked to', async () => {
    await using workspace = await temporaryWorkspace({ Dockerfile: 'FROM scratch\n' })
    const { plan, 'plan-file': file } = await workspace.detect({ image: 'web', output: 'out/plan.json' })
    expect(file).toBe('out/plan.json')
    expect(parsePlan(await readFile(join(workspace.path, 'out/plan.json'), 'utf8'), 'plan.json')).toEqual(plan)
  })

  test('plans one image from inputs alone, as flags or environment', async () => {
    const { plan } = await detect(
      { 'app/Dockerfile.prod': 'FROM scratch\n' },
      {
        image: 'ghcr.io/acme/app',
        context: 'app',
        dockerfile: 'Dockerfile.prod',
        platforms: 'linux/arm64/v8,linux/x86_64',
      },
      { INPUT_TAGS: 'ghcr.io/acme/app:1\nghcr.io/acme/app:2', 'INPUT_BUILD-ARGS': 'A=1,2' },
    )
    expect(plan.images).toMatchObject([
      {
        id: 'app',
        repositories: ['ghcr.io/acme/app'],
        tags: ['1', '2'],
        platforms: ['linux/arm64', 'linux/amd64'],
        build: { context: 'app', dockerfile: 'app/Dockerfile.prod', args: { A: '1,2' } },
      },
    ])
  })

  test('takes a build argument without a value from the environment, as docker does', async () => {
    const files = {
      'polyarch.yaml': 'version: 1\nimages:\n  web: { build-args: { VERSION: , A: "1" } }\n',
      Dockerfile: 'FROM scratch\n',
    }
    const { plan } = await detect(files, {}, { VERSION: '7' })
    expect(plan.images[0]?.build?.args).toEqual({ VERSION: '7', A: '1' })
    await expect(detect(files)).rejects.toThrow('polyarch.yaml:3:22: web: build argument "VERSION" has no value')
    await expect(detect({ Dockerfile: 'FROM scratch\n' }, { image: 'web', 'build-args': 'VERSION' })).rejects.toThrow(
      'input build-args: web: build argument "VERSION" has no value',
    )
  })

  test('with nothing to plan reports the machine and is empty, not wrong', async () => {
    const outputs = await detect({})
    expect(outputs.empty).toBe(true)
    expect(outputs.matrix.include).toEqual([])
    expect(outputs['host-platform']).toMatch(/^[a-z]+\/[a-z0-9]+/)
    expect(parsePlan(JSON.stringify(outputs.plan), 'plan').legs).toEqual([])
  })

  test('lets inputs win over the file', async () => {
    const { plan } = await detect(shop, {
      images: 'web',
      platforms: 'linux/riscv64',
      registry: 'oci:out',
      engine: 'buildkit',
      runners: ['linux/riscv64=risc'],
      tags: 'x',
    })
    expect(plan.images).toMatchObject([{ id: 'web', repositories: ['oci:out/web'], tags: ['x'], needs: [] }])
    expect(plan.legs).toMatchObject([{ id: 'web.linux-riscv64', engine: 'buildkit', runner: 'risc', native: true }])
    expect(plan.skipped).toEqual([{ image: 'base', reason: 'not among the images asked for' }])
  })
})

describe('detect-arch refuses', () => {
  const config = (image: string) => ({
    'polyarch.yaml': `version: 1\nimages:\n  web: ${image}\n`,
    Dockerfile: '',
    'web/x': '',
  })

  test.each<[string, Readonly<Record<string, string>>, RawInputs, string]>([
    [
      'a Dockerfile that is not there',
      config('{ context: web }'),
      {},
      'polyarch.yaml:3:8: web: there is no Dockerfile web/Dockerfile',
    ],
    [
      'a context that is not there',
      config('{ context: wbe }'),
      {},
      'polyarch.yaml:3:19: web: there is no directory wbe',
    ],
    [
      'a context that is a file',
      config('{ context: Dockerfile }'),
      {},
      'web: the context Dockerfile is not a directory',
    ],
    [
      'a context outside the workspace',
      config('{ context: ../.. }'),
      {},
      'web: the context ../.. is outside the workspace',
    ],
    ['an absolute context', config('{ context: /etc }'), {}, 'web: the context /etc is outside the workspace'],
    [
      'a Dockerfile outside the workspace',
      config('{ dockerfile: ../Dockerfile }'),
      {},
      'the Dockerfile ../Dockerfile is outside the workspace',
    ],
    ['an unknown image', config('{}'), { images: 'wbe' }, 'input images: there is no image "wbe": did you mean "web"?'],
    [
      'an unknown platform',
      config('{}'),
      { platforms: 'linux/amd46' },
      'input platforms: unknown platform "linux/amd46": did you mean linux/amd64?',
    ],
    ['a config that is not there', {}, { config: 'polyarch.yml' }, 'input config: there is no file polyarch.yml'],
    ['two descriptions of one image', config('{}'), { config: 'polyarch.yaml', context: '.' }, 'exclude each other'],
    [
      'tags that could be any image’s',
      { ...config('{}'), 'polyarch.yaml': 'version: 1\nimages: { a: {}, b: {} }' },
      { tags: 'x' },
      'are for one image: name it in images',
    ],
    [
      'a registry that is none',
      config('{}'),
      { registry: 'https://ghcr.io' },
      'input registry: invalid reference "https://ghcr.io/web"',
    ],
  ])('%s', async (_what, files, flags, message) => {
    await expect(detect(files, flags)).rejects.toThrow(message)
  })

  test('every image that cannot be planned in one go', async () => {
    const files = { 'polyarch.yaml': 'version: 1\nimages:\n  a: { context: a }\n  b: { context: b }\n' }
    await expect(detect(files)).rejects.toThrow(
      'polyarch.yaml:3:17: a: there is no directory a\npolyarch.yaml:4:17: b: there is no directory b',
    )
  })

  test('a link that leads out of the workspace', async () => {
    await expect(
      detect(config('{ context: out }'), {}, {}, (directory) => symlink('/etc', join(directory, 'out'))),
    ).rejects.toThrow('web: the context out is a link to outside the workspace')
  })

  test('two images that get the same tag of one repository by their defaults', async () => {
    const files = {
      'polyarch.yaml':
        'version: 1\nimages:\n  web: { tags: [x] }\n  other: { repositories: [ghcr.io/acme/shop/web], tags: [x] }\n',
      Dockerfile: '',
    }
    await expect(detect(files, {}, github)).rejects.toThrow(
      'ghcr.io/acme/shop/web:x is image web’s too (polyarch.yaml:3:17)',
    )
  })
})

describe('the summary', () => {
  test('is a table in which nothing of the repository becomes markup', async () => {
    const outputs = await detect(shop, {}, github)
    expect(step.report?.(outputs)).toContain('| base | linux/amd64 | kaniko | ubuntu-24.04 |')
    const hostile = structuredClone(outputs)
    hostile.plan.skipped.push({ image: 'x', reason: '<img src=x> | [a](javascript:1)\n# b' })
    const report = step.report?.(hostile) ?? ''
    expect(report).not.toMatch(/[^\\]<img|[^\\]\[a|\n# b/)
  })
})
