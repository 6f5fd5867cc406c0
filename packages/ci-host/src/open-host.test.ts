// Which host a process finds itself on, and what it is told there.
import { Failure } from '@polyarch/oci'
import { temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { openHost } from './open-host.ts'

const github = { GITHUB_ACTIONS: 'true', GITHUB_REPOSITORY: 'Acme/Shop', GITHUB_SERVER_URL: 'https://github.com' }
const gitlab = { GITLAB_CI: 'true', CI_REGISTRY_IMAGE: 'registry.gitlab.example:5050/acme/shop' }

describe('the host', () => {
  test.each([
    ['github', github],
    ['gitlab', gitlab],
    ['terminal', { CI: 'true', GITHUB_ACTIONS: 'false' }],
  ])('is %s by the environment', (kind, env) => {
    expect(openHost(env).kind).toBe(kind)
  })

  test.each([
    ['ghcr.io/acme/shop/web', github],
    ['containers.ghe.example/acme/shop/web', { ...github, GITHUB_SERVER_URL: 'https://ghe.example' }],
    ['registry.gitlab.example:5050/acme/shop/web', gitlab],
    ['oci:.polyarch/images/web', { GITLAB_CI: 'true' }],
    ['oci:.polyarch/images/web', {}],
  ])('stores an image without a repository in %s', (store, env) => {
    expect(openHost(env).defaultStore('web')).toBe(store)
  })

  test('knows the logins that the forge gives a job', () => {
    const token = { GITHUB_ACTOR: 'ada', GITHUB_TOKEN: 'from-env' }
    expect(openHost({ ...github, ...token }).forgeLogins()).toEqual([
      { host: 'ghcr.io', username: 'ada', password: 'from-env' },
    ])
    expect(openHost({ ...github, ...token, 'INPUT_GITHUB-TOKEN': 'from-input' }).forgeLogins()).toEqual([
      { host: 'ghcr.io', username: 'ada', password: 'from-input' },
    ])
    const job = { CI_REGISTRY: 'registry.gitlab.example:5050', CI_REGISTRY_USER: 'job', CI_REGISTRY_PASSWORD: 'pass' }
    expect(openHost({ ...gitlab, ...job }).forgeLogins()).toEqual([
      { host: 'registry.gitlab.example:5050', username: 'job', password: 'pass' },
    ])
    for (const env of [github, gitlab, token]) expect(openHost(env).forgeLogins()).toEqual([])
  })

  test('names the run and its attempt', () => {
    expect(openHost({ ...github, GITHUB_RUN_ID: '17', GITHUB_RUN_ATTEMPT: '2' }).run).toEqual({ id: '17', attempt: 2 })
    expect(openHost({ ...gitlab, CI_PIPELINE_ID: '18' }).run).toEqual({ id: '18', attempt: 1 })
    expect(openHost({}).run).toBeNull()
  })

  test.each([[{ RUNNER_DEBUG: '1' }], [{ CI_DEBUG_TRACE: 'true' }], [{ POLYARCH_DEBUG: '1' }]])(
    'debugs with %j',
    (env) => {
      expect(openHost(env).debug).toBe(true)
    },
  )

  test.each([[{}], [{ POLYARCH_DEBUG: '0' }], [{ RUNNER_DEBUG: '' }]])('does not debug with %j', (env) => {
    expect(openHost(env).debug).toBe(false)
  })

  test.each([[{}], [gitlab], [github]])('says how to hand on files where there are no artifacts (%j)', async (env) => {
    await using directory = await temporaryDirectory()
    const host = openHost(env, directory.path)
    const refused = (error: unknown) => error instanceof Failure && error.kind === 'input'
    await expect(host.sendFiles('a', [])).rejects.toSatisfy(refused)
    await expect(host.receiveFiles(['a'], directory.path)).rejects.toSatisfy(refused)
  })
})
