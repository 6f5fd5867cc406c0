// Tag templates, and the git facts that fill them, on each forge.
import { describe, expect, test } from 'vitest'
import { temporaryRepository } from './fixtures/workspace.ts'
import { checkTagTemplate, fillTagTemplate } from './tag-template.ts'
import { templateFacts } from './template-facts.ts'

const source = {
  repository: 'https://example.com/x',
  revision: 'abcdef0123'.repeat(4),
  created: '2026-01-02T03:04:05Z',
}

describe('a tag template', () => {
  test.each<[string, Parameters<typeof templateFacts>[1], string | undefined]>([
    ['{{version}}', { tag: 'v1.2.3' }, '1.2.3'],
    ['{{version}}', { tag: '1.2.3-rc.1' }, '1.2.3-rc.1'],
    ['{{version}}', { tag: 'v1.2.3+build' }, '1.2.3'],
    ['{{version}}', { tag: 'web/v1.2.3' }, '1.2.3'],
    ['{{version}}', { tag: 'web@1.2.3' }, '1.2.3'],
    ['{{version}}', { tag: 'web-v1.2.3' }, '1.2.3'],
    ['{{version}}', { tag: 'nightly' }, undefined],
    ['{{version}}', { branch: 'main' }, undefined],
    ['{{major}}.{{minor}}', { tag: 'v1.2.3' }, '1.2'],
    ['{{major}}', { tag: 'v2.0.0' }, '2'],
    // A pre-release must not move the tags that people follow a release by.
    ['{{major}}.{{minor}}', { tag: 'v1.2.3-rc.1' }, undefined],
    ['{{branch}}', { branch: 'feature/a b' }, 'feature-a-b'],
    ['{{branch}}', { tag: 'v1' }, undefined],
    ['{{tag}}', { tag: 'release/2026' }, 'release-2026'],
    ['pr-{{pr}}', { pr: '7' }, 'pr-7'],
    ['{{ short-sha }}', {}, 'abcdef0'],
    ['{{sha}}', {}, source.revision],
    ['{{date}}-{{short-sha}}', {}, '20260102-abcdef0'],
    ['latest', {}, 'latest'],
  ])('%s with %j is %s', (template, ref, expected) => {
    const filled = fillTagTemplate(template, templateFacts(source, ref))
    expect('tag' in filled ? filled.tag : undefined).toBe(expected)
  })

  test.each(['{{vresion}}', '{{}}', 'a b{{sha}}', '{{version}', '-{{sha}}', `${'x'.repeat(128)}{{sha}}`])(
    '%s is refused',
    (template) => {
      expect(checkTagTemplate(template)).toBeDefined()
    },
  )
})

const config = {
  'polyarch.yaml': `version: 1
images:
  web: { tags: ["{{version}}", "{{branch}}", "pr-{{pr}}", "{{short-sha}}", latest] }
`,
  Dockerfile: 'FROM scratch\n',
}

describe('additional tags (#4): the tags of a plan are those that git and the forge know the facts for,', () => {
  const github = { GITHUB_ACTIONS: 'true', GITHUB_REPOSITORY: 'acme/web', GITHUB_SHA: source.revision }
  const gitlab = { GITLAB_CI: 'true', CI_PROJECT_URL: 'https://gitlab.com/acme/web', CI_COMMIT_SHA: source.revision }

  test.each<[string, Record<string, string>, string[]]>([
    ['a branch on GitHub', { ...github, GITHUB_REF: 'refs/heads/fix/x' }, ['fix-x', 'abcdef0', 'latest']],
    ['a tag on GitHub', { ...github, GITHUB_REF: 'refs/tags/v1.2.3' }, ['1.2.3', 'abcdef0', 'latest']],
    [
      'a pull request on GitHub',
      { ...github, GITHUB_REF: 'refs/pull/7/merge', GITHUB_HEAD_REF: 'fix' },
      ['fix', 'pr-7', 'abcdef0', 'latest'],
    ],
    ['a branch on GitLab', { ...gitlab, CI_COMMIT_BRANCH: 'main' }, ['main', 'abcdef0', 'latest']],
    ['a tag on GitLab', { ...gitlab, CI_COMMIT_TAG: 'v1.2.3' }, ['1.2.3', 'abcdef0', 'latest']],
    [
      'a merge request on GitLab',
      { ...gitlab, CI_MERGE_REQUEST_IID: '9', CI_MERGE_REQUEST_SOURCE_BRANCH_NAME: 'fix' },
      ['fix', 'pr-9', 'abcdef0', 'latest'],
    ],
  ])('%s', async (_what, env, expected) => {
    await using repository = await temporaryRepository(config)
    const { plan } = await repository.detect({}, env)
    expect(plan.images[0]?.tags).toEqual(expected)
  })

  test('a tagged commit on a terminal, and the log says what was left out', async () => {
    await using repository = await temporaryRepository(config)
    await repository.git('tag', 'v1.9.0')
    await repository.git('tag', 'v1.10.0')
    const { plan, log } = await repository.detect()
    const revision = await repository.git('rev-parse', '--short=7', 'HEAD')
    expect(plan.images[0]?.tags).toEqual(['1.10.0', 'main', revision, 'latest'])
    expect(log).toContain('web: no tag "pr-{{pr}}": there is no pr here')
  })

  test('and a template that makes the tag of another image is refused with its place', async () => {
    await using repository = await temporaryRepository({
      'polyarch.yaml': `version: 1
images:
  web: { repositories: [ghcr.io/a/b], tags: [main] }
  api: { repositories: [ghcr.io/a/b], tags: ["{{branch}}"] }
`,
      Dockerfile: 'FROM scratch\n',
    })
    await expect(repository.detect()).rejects.toThrow(
      'polyarch.yaml:4:46: ghcr.io/a/b:main is image web’s too (polyarch.yaml:3:46)',
    )
  })
})

test('every image says which commit of which repository it is of, unless it says otherwise itself', async () => {
  await using repository = await temporaryRepository({
    ...config,
    'polyarch.yaml': 'version: 1\nimages:\n  web: { labels: { org.opencontainers.image.source: mine } }\n',
  })
  await repository.git('remote', 'add', 'origin', 'git@example.com:acme/web.git')
  await repository.git('tag', 'v1.2.3')
  const { plan } = await repository.detect()
  const facts = {
    'org.opencontainers.image.revision': await repository.git('rev-parse', 'HEAD'),
    'org.opencontainers.image.created': '2026-01-02T03:04:05Z',
    'org.opencontainers.image.version': '1.2.3',
  }
  expect(plan.images[0]).toMatchObject({
    labels: { ...facts, 'org.opencontainers.image.source': 'mine' },
    annotations: { ...facts, 'org.opencontainers.image.source': 'https://example.com/acme/web' },
  })
  expect(plan.source.created).toBe('2026-01-02T03:04:05Z')
})
