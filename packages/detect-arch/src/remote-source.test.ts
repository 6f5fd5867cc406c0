// Images whose sources lie in another git repository, on a real one.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryRepository, temporaryWorkspace } from './fixtures/workspace.ts'

const config = (url: string, ref: string, more = ''): string =>
  `version: 1\nimages:\n  web: { source: { url: "${url}", ref: "${ref}" }${more} }\n`

/** A repository with a branch, a tag of another commit and an annotated tag. */
const upstream = async () => {
  const repository = await temporaryRepository({ Dockerfile: 'FROM scratch\nCOPY v /\n', v: '1' })
  const first = await repository.git('rev-parse', 'HEAD')
  await repository.git('tag', 'v1')
  const second = await repository.commit({ 'deploy/Dockerfile': 'FROM scratch AS debug\n', v: '2' })
  await repository.git('tag', '--annotate', '--message', 'x', 'v2')
  await repository.git('branch', 'v1-next')
  return {
    url: `file://${repository.path}`,
    first,
    second,
    [Symbol.asyncDispose]: () => repository[Symbol.asyncDispose](),
  }
}

describe('remote repo builds (#2): a remote source', () => {
  test.each<[string, string, 'first' | 'second']>([
    ['a branch', 'main', 'second'],
    ['a tag', 'v1', 'first'],
    ['an annotated tag', 'v2', 'second'],
    ['a whole name', 'refs/heads/main', 'second'],
  ])('is resolved from %s to its commit, and fetched for the build', async (_what, ref, expected) => {
    await using source = await upstream()
    await using workspace = await temporaryWorkspace({ 'polyarch.yaml': config(source.url, ref) })
    const { plan } = await workspace.detect()
    const commit = source[expected]
    const directory = `.polyarch/sources/${commit}`
    expect(plan.images[0]?.build).toMatchObject({
      context: directory,
      dockerfile: `${directory}/Dockerfile`,
      remote: { url: source.url, ref, commit },
    })
    expect(await readFile(join(workspace.path, directory, 'v'), 'utf8')).toBe(expected === 'first' ? '1' : '2')
    expect(await readdir(join(workspace.path, directory))).not.toContain('.git')
  })

  test('may be a commit, which is built again only where it is asked for otherwise', async () => {
    await using source = await upstream()
    await using repository = await temporaryRepository({
      'polyarch.yaml': config(source.url, source.first),
      '.gitignore': '.polyarch\n',
    })
    expect((await repository.detect({ 'changed-since': 'HEAD' })).empty).toBe(true)
    await repository.commit({ 'polyarch.yaml': config(source.url, source.second) })
    const { plan } = await repository.detect({ 'changed-since': 'HEAD^' })
    expect(plan.images[0]?.build?.remote?.commit).toBe(source.second)
  })

  test('that may have moved is built, changed or not', async () => {
    await using source = await upstream()
    await using repository = await temporaryRepository({ 'polyarch.yaml': config(source.url, 'main') })
    const { empty, log } = await repository.detect({ 'changed-since': 'HEAD' })
    expect(empty).toBe(false)
    expect(log).toContain('its source main may have moved')
  })

  test('has a Dockerfile and context of its own', async () => {
    await using source = await upstream()
    const more = ', context: deploy, target: debug'
    await using workspace = await temporaryWorkspace({ 'polyarch.yaml': config(source.url, 'v2', more) })
    const { plan } = await workspace.detect()
    expect(plan.images[0]?.build).toMatchObject({
      context: `.polyarch/sources/${source.second}/deploy`,
      dockerfile: `.polyarch/sources/${source.second}/deploy/Dockerfile`,
      target: 'debug',
    })
  })

  test.each<[string, string, string, string, string]>([
    ['a ref that is not there', '', 'v9', '', 'has no branch or tag "v9"'],
    ['a ref that is an option', '', '--upload-pack=touch', '', 'is not a branch, tag or commit'],
    ['a helper that runs programs', 'ext::sh -c touch% /tmp/x', 'v1', '', 'is not the address of a git repository'],
    [
      'a password in the url',
      'https://me:secret@example.com/x.git',
      'v1',
      '',
      'example.com: a login does not belong into the url',
    ],
    ['a context outside of it', '', 'v1', ', context: ../..', 'is outside the workspace'],
    ['a repository that is not there', 'file:///nonexistent/x.git', 'v1', '', 'git ls-remote failed'],
  ])('is refused for %s', async (_what, url, ref, more, message) => {
    await using source = await upstream()
    await using workspace = await temporaryWorkspace({ 'polyarch.yaml': config(url || source.url, ref, more) })
    const refusal = workspace.detect()
    await expect(refusal).rejects.toThrow(message)
    await expect(refusal).rejects.not.toThrow('secret')
    await expect(refusal).rejects.toThrow(/^polyarch\.yaml:3:/)
  })

  test('leaves nothing behind where it cannot be fetched', async () => {
    await using source = await upstream()
    await using workspace = await temporaryWorkspace({ 'polyarch.yaml': config(source.url, 'd'.repeat(40)) })
    await expect(workspace.detect()).rejects.toThrow('git fetch failed')
    expect(await readdir(join(workspace.path, '.polyarch/sources'))).toEqual([])
  })
})
