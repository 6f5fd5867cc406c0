// Legs that extend a base image of Cloud Native Buildpacks, which no plan can look into.
import { describe, expect, test } from 'vitest'
import { type Files, temporaryRepository, temporaryWorkspace } from './fixtures/workspace.ts'

const github = { GITHUB_ACTIONS: 'true', GITHUB_REPOSITORY: 'acme/shop' }

const shop: Files = {
  'polyarch.yaml': `version: 1
defaults: { platforms: [linux/amd64, linux/arm64], tags: [latest], labels: { maintainer: acme } }
images:
  run:
    context: web
    extend: { kind: run, layers: "layers/{{platform}}" }
  api: { context: api }
`,
  'web/start.sh': 'exec true\n',
  'web/.dockerignore': 'start.sh\n',
  'api/Dockerfile': 'FROM scratch\n',
}

const planOf = async (files: Files, env: Readonly<Record<string, string>> = github, flags = {}) => {
  await using workspace = await temporaryWorkspace(files)
  return await workspace.detect(flags, env)
}

describe('an image that extends a base image', () => {
  test('is planned with what to extend, and without a Dockerfile or labels of its own', async () => {
    const { plan } = await planOf(shop)
    expect(plan.images.find(({ id }) => id === 'run')).toMatchObject({
      build: null,
      extend: { kind: 'run', context: 'web', layers: 'layers/{{platform}}' },
      labels: {},
      tags: ['latest'],
    })
  })

  test('has a leg on the own runner of each platform, which the matrix tells from those of Dockerfiles', async () => {
    const { matrix } = await planOf(shop)
    expect(matrix.include).toEqual([
      ...[
        { leg: 'run.linux-amd64', platform: 'linux/amd64', runner: 'ubuntu-24.04' },
        { leg: 'run.linux-arm64', platform: 'linux/arm64', runner: 'ubuntu-24.04-arm' },
      ].map((leg) => ({ ...leg, image: 'run', engine: 'kaniko', extend: 'run' })),
      expect.not.objectContaining({ extend: expect.anything() }),
      expect.not.objectContaining({ extend: expect.anything() }),
    ])
  })

  test('needs a machine that runs its platform, since extensions may do anything', async () => {
    const foreign = { 'polyarch.yaml': shop['polyarch.yaml']?.replace('linux/arm64]', 'linux/s390x]') ?? '' }
    await expect(planOf({ ...shop, ...foreign })).rejects.toThrow(
      'polyarch.yaml:5:5: run: linux/s390x has no native runner (github hosts no runner for it), and polyarch.yaml:6 "extend" has to run on it',
    )
    const { plan } = await planOf({ ...shop, ...foreign }, github, { emulate: 'allow' })
    expect(plan.legs.filter(({ image }) => image === 'run').map(({ native }) => native)).toEqual([true, false])
  })

  test('is refused without its application', async () => {
    await expect(
      planOf({ 'polyarch.yaml': shop['polyarch.yaml'] ?? '', 'api/Dockerfile': 'FROM a\n' }),
    ).rejects.toThrow('polyarch.yaml:5:14: run: there is no directory web')
  })

  test('is planned again for any file of its application, whatever a .dockerignore there says', async () => {
    await using workspace = await temporaryRepository(shop)
    const base = await workspace.git('rev-parse', 'HEAD')
    await workspace.commit({ 'web/start.sh': 'exec false\n' })
    const { plan } = await workspace.detect({ 'changed-since': base }, github)
    expect(plan.images.map(({ id }) => id)).toEqual(['run'])
  })
})
