// Plans of workspaces with real Dockerfiles: platforms, runners, stages, and what they are refused for.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are Dockerfile variables
import { describe, expect, test } from 'vitest'
import { type Files, temporaryWorkspace } from './fixtures/workspace.ts'

const github = { GITHUB_ACTIONS: 'true', GITHUB_REPOSITORY: 'acme/shop' }

const planOf = async (files: Files, env: Readonly<Record<string, string>> = github, flags = {}) => {
  await using workspace = await temporaryWorkspace(files)
  return await workspace.detect(flags, env)
}

describe('an image that is built from another one of the plan', () => {
  const shop = (from: string): Files => ({
    'polyarch.yaml': `version: 1
defaults: { platforms: [linux/amd64], tags: [latest, "1.0"] }
images:
  web: { context: web }
  base: { context: base }
`,
    'web/Dockerfile': from,
    'base/Dockerfile': 'FROM scratch\n',
  })

  test.each([
    ['its FROM names it', 'FROM ghcr.io/acme/shop/base:1.0\n'],
    ['its FROM names it without a tag', 'FROM ghcr.io/acme/shop/base\n'],
    ['a COPY names it', 'FROM scratch\nCOPY --from=ghcr.io/acme/shop/base:latest x y\n'],
    ['an ARG names it', 'ARG BASE=ghcr.io/acme/shop/base\nFROM $BASE:1.0\n'],
  ])('needs it, where %s', async (_what, from) => {
    const { plan } = await planOf(shop(from))
    expect(plan.images.map(({ id, needs }) => [id, needs])).toEqual([
      ['base', []],
      ['web', ['base']],
    ])
  })

  test.each([
    ['a digest', `FROM ghcr.io/acme/shop/base@sha256:${'a'.repeat(64)}\n`],
    ['a tag that the plan does not move', 'FROM ghcr.io/acme/shop/base:0.9\n'],
    ['another repository', 'FROM ghcr.io/acme/other/base:latest\n'],
    ['a stage that the target does not reach', 'FROM ghcr.io/acme/shop/base AS unused\nFROM scratch\n'],
  ])('does not need it, where it names %s', async (_what, from) => {
    const { plan } = await planOf(shop(from))
    expect(plan.images.map(({ id, needs }) => [id, needs])).toEqual([
      ['web', []],
      ['base', []],
    ])
  })

  test('is built again with it', async () => {
    await using workspace = await temporaryWorkspace(shop('FROM ghcr.io/acme/shop/base\n'))
    await workspace.git('init', '--quiet')
    const base = await workspace.commit({})
    await workspace.commit({ 'base/x': '1' })
    const { plan, log } = await workspace.detect({ 'changed-since': base }, github)
    expect(plan.images.map(({ id }) => id)).toEqual(['base', 'web'])
    expect(log).toContain('web: needs base')
  })

  test('is refused where both are built from each other', async () => {
    const files = { ...shop('FROM ghcr.io/acme/shop/base\n'), 'base/Dockerfile': 'FROM ghcr.io/acme/shop/web\n' }
    await expect(planOf(files)).rejects.toThrow(
      /images are built from each other: (?:web -> base -> web|base -> web -> base)/,
    )
  })
})

describe('emulate', () => {
  const image = (dockerfile: string, more = ''): Files => ({
    'polyarch.yaml': `version: 1\nimages:\n  web: { platforms: [linux/s390x]${more} }\n`,
    Dockerfile: dockerfile,
  })
  const native = async (files: Files) => (await planOf(files)).plan.legs.map((leg) => [leg.runner, leg.native])

  test.each([
    ['where nothing runs', 'FROM scratch\nCOPY x y\n', ''],
    ['where only what the target does not reach runs', 'FROM a AS b\nRUN x\nFROM scratch\n', ''],
    [
      'where only the build platform runs',
      'FROM --platform=$BUILDPLATFORM a AS b\nRUN x\nFROM scratch\nCOPY --from=b x y\n',
      '',
    ],
    ['where the target is one that runs nothing', 'FROM scratch AS t\nFROM a\nRUN x\n', ', target: t'],
    ['where it is allowed', 'FROM a\nRUN x\n', ', emulate: allow'],
  ])('builds a platform without a native runner %s', async (_what, dockerfile, more) => {
    expect(await native(image(dockerfile, more))).toEqual([['ubuntu-24.04', false]])
  })

  test('refuses what would have to run, with the platform, the line and the runner to add', async () => {
    await expect(planOf(image('FROM a\n\nRUN make \\\n  all\n'))).rejects.toThrow(
      'polyarch.yaml:3:21: web: linux/s390x has no native runner (github hosts no runner for it), and Dockerfile:3 "RUN make all" has to run on it: add "linux/s390x: <runner>" to runners, or set emulate: allow for QEMU',
    )
  })

  test('refuses a stage of another fixed platform that would have to run on a native runner', async () => {
    const files = {
      'polyarch.yaml': 'version: 1\nimages: { web: { platforms: [linux/arm64] } }\n',
      Dockerfile: 'FROM --platform=linux/amd64 a AS b\nRUN x\nFROM scratch\nCOPY --from=b x y\n',
    }
    await expect(planOf(files)).rejects.toThrow(
      'linux/arm64 is built on linux/arm64 (hosted by github), where Dockerfile:2 "RUN x" cannot run: it is for linux/amd64',
    )
  })

  test('never is never', async () => {
    await expect(planOf(image('FROM scratch\n', ', emulate: never'))).rejects.toThrow('emulate is never')
    await expect(planOf(image('FROM scratch\n'), github, { emulate: 'never' })).rejects.toThrow('emulate is never')
  })
})

describe('a Dockerfile', () => {
  const image = (dockerfile: string, more = ''): Files => ({
    'polyarch.yaml': `version: 1\nimages:\n  web: { platforms: [linux/amd64]${more} }\n`,
    Dockerfile: dockerfile,
  })

  test.each([
    ['with an unknown instruction', 'FROM a\nRNU x\n', '', 'Dockerfile:2: RNU is not an instruction'],
    ['without FROM', '# nothing\n', '', 'Dockerfile:1: there is no FROM'],
    [
      'without the target',
      'FROM a AS build\n',
      ', target: relaese',
      'polyarch.yaml:3:44: web: there is no stage "relaese": the stages are build',
    ],
  ])('%s is refused before anything is built', async (_what, dockerfile, more, message) => {
    await expect(planOf(image(dockerfile, more))).rejects.toThrow(message)
  })

  test('that is in a place named after it is not taken for the mistake in its context', async () => {
    const files = { 'polyarch.yaml': 'version: 1\nimages:\n  web: { context: Dockerfiles, dockerfile: Dockerfile }\n' }
    await expect(planOf(files)).rejects.toThrow('polyarch.yaml:3:19: web: there is no directory Dockerfiles')
  })

  test('of another frontend is left to it', async () => {
    const { plan } = await planOf(image('# syntax=example.com/other:1\nFROM a\nMAGIC x\n'))
    expect(plan.legs).toHaveLength(1)
  })

  test('may have findings that are allowed, which the plan hands on', async () => {
    const { plan } = await planOf(image('FROM a\n', ', allow: [{ finding: copy-exclude, reason: fine }]'))
    expect(plan.images[0]?.build?.allow).toEqual([{ finding: 'copy-exclude', reason: 'fine' }])
  })
})
