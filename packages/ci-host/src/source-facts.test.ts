// Repository, revision and time from real git repositories and from forges.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { type OpenHost, openHost } from './open-host.ts'
import { repositoryUrl } from './source-facts.ts'

const path = { PATH: process.env['PATH'] }

const git = async (host: OpenHost, ...args: string[]): Promise<string> => {
  const identity = {
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@b',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@b',
  }
  const env = { PATH: process.env['PATH'] ?? '', ...identity, GIT_COMMITTER_DATE: '2026-01-02T05:04:05+02:00' }
  const { code, stdout, stderr } = await host.exec({ file: 'git', args, env })
  expect(`${code} ${stderr}`).toMatch(/^0 /)
  return stdout.trim()
}

const openRepository = async () => {
  const directory = await temporaryDirectory()
  const host = openHost(path, directory.path)
  await git(host, 'init', '--quiet')
  await writeFile(join(directory.path, 'file'), 'x')
  await git(host, 'add', 'file')
  await git(host, 'commit', '--quiet', '--message', 'first')
  const revision = await git(host, 'rev-parse', 'HEAD')
  return { path: directory.path, host, revision, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() }
}

describe('source facts', () => {
  test('come from git outside a forge, with the time of the commit in UTC', async () => {
    await using repository = await openRepository()
    const { host, revision } = repository
    expect(await host.sourceFacts()).toEqual({ repository: null, revision, created: '2026-01-02T03:04:05Z' })
    await git(host, 'remote', 'add', 'origin', 'git@example.com:acme/web.git')
    expect(await host.sourceFacts()).toMatchObject({ repository: 'https://example.com/acme/web' })
  })

  test('are unknown where there is no repository', async () => {
    await using directory = await temporaryDirectory()
    const nothing = { repository: null, revision: null, created: null }
    expect(await openHost(path, directory.path).sourceFacts()).toEqual(nothing)
    expect(await openHost({ PATH: '/nonexistent' }, directory.path).sourceFacts()).toEqual(nothing)
  })

  test('come from GitHub, with the time from its checkout', async () => {
    await using repository = await openRepository()
    const env = {
      ...path,
      GITHUB_ACTIONS: 'true',
      GITHUB_SERVER_URL: 'https://github.com',
      GITHUB_REPOSITORY: 'acme/web',
      GITHUB_SHA: repository.revision,
    }
    expect(await openHost(env, repository.path).sourceFacts()).toEqual({
      repository: 'https://github.com/acme/web',
      revision: repository.revision,
      created: '2026-01-02T03:04:05Z',
    })
  })

  test('come from GitLab alone', async () => {
    await using directory = await temporaryDirectory()
    const env = {
      GITLAB_CI: 'true',
      CI_PROJECT_URL: 'https://gitlab.example/acme/web',
      CI_COMMIT_SHA: 'a'.repeat(40),
      CI_COMMIT_TIMESTAMP: '2026-01-02T03:04:05+00:00',
    }
    expect(await openHost(env, directory.path).sourceFacts()).toEqual({
      repository: 'https://gitlab.example/acme/web',
      revision: 'a'.repeat(40),
      created: '2026-01-02T03:04:05Z',
    })
  })
})

describe('the address of a remote', () => {
  test.each([
    ['https://github.com/acme/web.git', 'https://github.com/acme/web'],
    ['https://user:s3cret@github.com/acme/web', 'https://github.com/acme/web'],
    ['git@github.com:acme/web.git', 'https://github.com/acme/web'],
    ['ssh://git@example.com:2222/acme/web.git/', 'https://example.com/acme/web'],
    ['http://localhost:3000/acme/web', 'http://localhost:3000/acme/web'],
    ['/srv/git/web.git', null],
    ['../web', null],
    ['file:///srv/git/web.git', null],
  ])('%s is %s', (remote, address) => {
    expect(repositoryUrl(remote)).toBe(address)
  })
})
