// Real git histories, and the images that they touch.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  type Files,
  openWorkspace,
  temporaryRepository,
  temporaryWorkspace,
  type Workspace,
} from './fixtures/workspace.ts'

const config = (web = '', api = ''): string => `version: 1
images:
  web: { context: web${web} }
  api: { context: api, needs: [base], watch: ["proto/**"]${api} }
  base: { context: base, dockerfile: ../docker/base.Dockerfile }
`

const shop: Files = {
  'polyarch.yaml': config(),
  'README.md': 'x',
  'web/Dockerfile': 'FROM scratch\n',
  'web/.dockerignore': '*.md\n!keep.md\ndocs\n',
  'web/src/app.js': '1',
  'api/Dockerfile': 'FROM scratch\n',
  'api/Dockerfile.dockerignore': 'test\n',
  'api/main.go': '1',
  'base/rootfs/etc/x': '1',
  'docker/base.Dockerfile': 'FROM scratch\n',
}

const planned = ({ plan }: Awaited<ReturnType<Workspace['detect']>>): string[] => plan.images.map(({ id }) => id).sort()

describe('change detection: what is planned is touched by', () => {
  test.each<[string, Files, string[]]>([
    ['nothing, where nothing changed', {}, []],
    ['nothing, where only a README did', { 'README.md': 'y' }, []],
    ['a file of the context', { 'web/src/app.js': '2' }, ['web']],
    ['a new file of the context', { 'web/src/new.js': '2' }, ['web']],
    ['a deleted file', { 'web/src/app.js': null }, ['web']],
    ['a file that moved from one context to another', { 'web/src/app.js': null, 'api/app.js': '1' }, ['api', 'web']],
    ['no file that the context ignores', { 'web/docs/a.js': '2', 'web/NOTES.md': '2' }, []],
    ['a file that the context ignores but for an exception', { 'web/keep.md': '2' }, ['web']],
    ['the ignore file', { 'web/.dockerignore': '*.txt\n' }, ['web']],
    ['an ignore file that is gone', { 'web/.dockerignore': null }, ['web']],
    ['no file that the Dockerfile’s own ignore file names', { 'api/test/x.go': '2' }, []],
    ['a Dockerfile', { 'api/Dockerfile': 'FROM scratch\nCMD ["x"]\n' }, ['api']],
    [
      'a Dockerfile outside of the context, and what needs that image',
      { 'docker/base.Dockerfile': 'FROM scratch\nCMD ["x"]\n' },
      ['api', 'base'],
    ],
    ['a file that is watched', { 'proto/a/b.proto': '2' }, ['api']],
    ['its own entry only', { 'polyarch.yaml': config(', tags: [x]') }, ['web']],
    ['no comment in the config', { 'polyarch.yaml': `# hello\n${config()}` }, []],
    ['a name that begins the same', { 'web-2/x': '1', webx: '1' }, []],
  ])('%s', async (_what, files, expected) => {
    await using repository = await temporaryRepository(shop)
    const base = await repository.git('rev-parse', 'HEAD')
    await repository.commit(files)
    const outputs = await repository.detect({ 'changed-since': base })
    expect(planned(outputs)).toEqual(expected)
    expect(outputs.empty).toBe(expected.length === 0)
    expect(outputs.plan.skipped.map(({ reason }) => reason)).toEqual(
      Array(3 - expected.length).fill(`unchanged since ${base.slice(0, 7)}`),
    )
  })

  test('what a person changed and did not commit', async () => {
    await using repository = await temporaryRepository(shop)
    await repository.write({ 'web/src/app.js': '2', 'proto/new.proto': '1' })
    expect(planned(await repository.detect({ 'changed-since': 'HEAD' }))).toEqual(['api', 'web'])
  })

  test('a submodule that moved, for an image that is built inside of it', async () => {
    await using library = await temporaryRepository({ 'app/Dockerfile': 'FROM scratch\n' })
    await using repository = await temporaryRepository({
      'polyarch.yaml': 'version: 1\nimages: { in: { context: vendor/lib/app }, out: { context: out } }\n',
      'out/Dockerfile': 'FROM scratch\n',
    })
    await repository.git('submodule', 'add', '--quiet', library.path, 'vendor/lib')
    const base = await repository.commit({})
    await library.commit({ unrelated: '1' })
    await repository.git('-C', 'vendor/lib', 'pull', '--quiet')
    await repository.commit({})
    expect(planned(await repository.detect({ 'changed-since': base }, github('push', {})))).toEqual(['in'])
  })

  test('everything, where the directory is no repository; the log says so', async () => {
    await using workspace = await temporaryWorkspace(shop)
    const outputs = await workspace.detect({ 'changed-since': 'auto' })
    expect(planned(outputs)).toHaveLength(3)
    expect(outputs.log).toContain('everything is built: this is no git repository')
  })

  test('is refused for a ref that does not exist, or that is an option', async () => {
    await using repository = await temporaryRepository(shop)
    for (const since of ['nowhere', '--output=/tmp/x', 'HEAD; touch /tmp/x'])
      await expect(repository.detect({ 'changed-since': since })).rejects.toThrow('input changed-since')
  })

  test('works in a workspace that is a directory of the repository', async () => {
    await using repository = await temporaryRepository({
      'shop/polyarch.yaml': 'version: 1\nimages: { web: {} }\n',
      'shop/Dockerfile': 'FROM scratch\n',
      'web/x': '',
    })
    const shopWorkspace = openWorkspace(join(repository.path, 'shop'))
    const base = await repository.git('rev-parse', 'HEAD')
    await repository.commit({ 'web/x': '2' })
    expect(planned(await shopWorkspace.detect({ 'changed-since': base }))).toEqual([])
    await repository.commit({ 'shop/polyarch.yaml': 'version: 1\nimages: { web: { tags: [x] } }\n' })
    expect(planned(await shopWorkspace.detect({ 'changed-since': base }))).toEqual(['web'])
  })
})

const github = (event: string, more: Record<string, string>): Record<string, string> => ({
  GITHUB_ACTIONS: 'true',
  GITHUB_EVENT_NAME: event,
  GITHUB_REF: 'refs/heads/main',
  ...more,
})

const gitlab = (source: string, more: Record<string, string>): Record<string, string> => ({
  GITLAB_CI: 'true',
  CI_PIPELINE_SOURCE: source,
  ...more,
})

/** Three commits: the second changes api, the third web. */
const history = async () => {
  const repository = await temporaryRepository(shop)
  const first = await repository.git('rev-parse', 'HEAD')
  const second = await repository.commit({ 'api/main.go': '2' })
  const third = await repository.commit({ 'web/src/app.js': '2' })
  const writeEvent = async (event: unknown): Promise<Record<string, string>> => {
    const file = join(repository.path, '.git/event.json')
    await writeFile(file, JSON.stringify(event))
    return { GITHUB_EVENT_PATH: file }
  }
  return {
    repository,
    first,
    second,
    third,
    writeEvent,
    [Symbol.asyncDispose]: () => repository[Symbol.asyncDispose](),
  }
}

const auto = { 'changed-since': 'auto' }
const none = '0'.repeat(40)

describe('change detection: the forge’s base', () => {
  test('on GitHub is the commit before a push', async () => {
    await using past = await history()
    const event = await past.writeEvent({ before: past.second })
    expect(planned(await past.repository.detect(auto, github('push', event)))).toEqual(['web'])
  })

  test('on GitHub is the base of a pull request, of a fork too', async () => {
    await using past = await history()
    const event = await past.writeEvent({ pull_request: { base: { sha: past.first } } })
    const env = github('pull_request', { ...event, GITHUB_REF: 'refs/pull/7/merge' })
    expect(planned(await past.repository.detect(auto, env))).toEqual(['api', 'web'])
  })

  test('on GitHub is where the branch began, not what the target branch did since', async () => {
    await using past = await history()
    await past.repository.git('checkout', '--quiet', '-b', 'feature', past.first)
    await past.repository.commit({ 'base/rootfs/etc/x': '2' })
    const event = await past.writeEvent({ merge_group: { base_sha: past.third } })
    expect(planned(await past.repository.detect(auto, github('merge_group', event)))).toEqual(['api', 'base'])
  })

  test('on GitLab is the commit before a push', async () => {
    await using past = await history()
    const env = gitlab('push', { CI_COMMIT_BEFORE_SHA: past.second })
    expect(planned(await past.repository.detect(auto, env))).toEqual(['web'])
  })

  test('on GitLab is the base of a merge request', async () => {
    await using past = await history()
    const env = gitlab('merge_request_event', {
      CI_MERGE_REQUEST_DIFF_BASE_SHA: past.first,
      CI_COMMIT_BEFORE_SHA: none,
    })
    expect(planned(await past.repository.detect(auto, env))).toEqual(['api', 'web'])
  })

  test('on GitLab is the base of a merge request of a fork, whose commits its own project does not have', async () => {
    await using past = await history()
    await past.repository.git('config', 'uploadpack.allowAnySHA1InWant', 'true')
    await using fork = await temporaryWorkspace()
    await fork.git('clone', '--quiet', '--depth=1', `file://${past.repository.path}`, '.')
    const env = gitlab('merge_request_event', {
      CI_MERGE_REQUEST_DIFF_BASE_SHA: past.first,
      CI_MERGE_REQUEST_SOURCE_PROJECT_PATH: 'somebody/shop',
      CI_MERGE_REQUEST_PROJECT_PATH: 'acme/shop',
      CI_COMMIT_BEFORE_SHA: none,
    })
    expect(planned(await fork.detect(auto, env))).toEqual(['api', 'web'])
  })

  test('on a terminal is where the branch left the remote’s default branch', async () => {
    await using past = await history()
    await using clone = await temporaryWorkspace()
    await clone.git('clone', '--quiet', past.repository.path, '.')
    await clone.commit({ 'web/src/app.js': '3' })
    expect(planned(await clone.detect(auto))).toEqual(['web'])
  })

  test.each<[string, Record<string, string>, string]>([
    [
      'the first push of a branch',
      github('push', { EVENT: JSON.stringify({ before: none }) }),
      'this is the first push of the branch',
    ],
    ['a tag', github('push', { GITHUB_REF: 'refs/tags/v1', EVENT: JSON.stringify({ before: none }) }), 'this is a tag'],
    ['a schedule', github('schedule', {}), 'the event is schedule'],
    ['a manual run', github('workflow_dispatch', {}), 'the event is workflow_dispatch'],
    ['a push whose event is not there', github('push', { GITHUB_EVENT_PATH: '/nonexistent/event.json' }), 'first push'],
    ['a tag on GitLab', gitlab('push', { CI_COMMIT_TAG: 'v1', CI_COMMIT_BEFORE_SHA: none }), 'this is a tag'],
    ['a schedule on GitLab', gitlab('schedule', { CI_COMMIT_BEFORE_SHA: none }), 'the pipeline comes from schedule'],
    ['a manual pipeline', gitlab('web', { CI_COMMIT_BEFORE_SHA: none }), 'the pipeline comes from web'],
    [
      'the first push to GitLab',
      gitlab('push', { CI_COMMIT_BEFORE_SHA: none }),
      'this is the first push of the branch',
    ],
    [
      'a force push whose old commit is gone',
      gitlab('push', { CI_COMMIT_BEFORE_SHA: 'd'.repeat(40) }),
      'cannot be had',
    ],
  ])('is nothing for %s: everything is built, and the log says why', async (_what, env, reason) => {
    await using past = await history()
    const { EVENT: event, ...variables } = env
    const written = event === undefined ? {} : await past.writeEvent(JSON.parse(event))
    const outputs = await past.repository.detect(auto, { ...written, ...variables })
    expect(planned(outputs)).toHaveLength(3)
    expect(outputs.log).toContain(`everything is built: `)
    expect(outputs.log).toContain(reason)
  })

  test('is fetched where a shallow clone lacks it', async () => {
    await using past = await history()
    await past.repository.git('config', 'uploadpack.allowAnySHA1InWant', 'true')
    await using clone = await temporaryWorkspace()
    await clone.git('clone', '--quiet', '--depth=1', `file://${past.repository.path}`, '.')
    const env = gitlab('push', { CI_COMMIT_BEFORE_SHA: past.first })
    const outputs = await clone.detect(auto, env)
    expect(planned(outputs)).toEqual(['api', 'web'])
  })

  test('that was force-pushed away is compared with as it was, where it can still be had', async () => {
    await using past = await history()
    await past.repository.git('checkout', '--quiet', '-B', 'main', past.first)
    await past.repository.commit({ 'base/rootfs/etc/x': '2' })
    const outputs = await past.repository.detect(auto, gitlab('push', { CI_COMMIT_BEFORE_SHA: past.second }))
    // Of the commit that is gone, api’s change is undone as well.
    expect(planned(outputs)).toEqual(['api', 'base'])
  })
})

describe('scheduled rebuild: a scheduled run', () => {
  const list = 'rebuild.txt'

  test('builds what its list names, by id or directory, changed or not; comments are none', async () => {
    await using repository = await temporaryRepository({ ...shop, [list]: '# weekly\nweb # the shop\n\n./base/\n' })
    const outputs = await repository.detect({ schedule: list, 'changed-since': 'HEAD' }, gitlab('schedule', {}))
    expect(planned(outputs)).toEqual(['base', 'web'])
    expect(outputs.plan.skipped).toEqual([{ image: 'api', reason: 'not in rebuild.txt' }])
  })

  test('is not what a push is', async () => {
    await using repository = await temporaryRepository({ ...shop, [list]: 'web\n' })
    const outputs = await repository.detect({ schedule: list }, gitlab('push', {}))
    expect(planned(outputs)).toHaveLength(3)
    expect(outputs.log).toContain('rebuild.txt is for scheduled runs')
  })

  test('is refused where its list names what does not exist, with the line', async () => {
    await using repository = await temporaryRepository({ ...shop, [list]: 'web\nwbe\n' })
    await expect(repository.detect({ schedule: list })).rejects.toThrow(
      'rebuild.txt:2: there is no image "wbe": did you mean "web"?',
    )
  })
})
