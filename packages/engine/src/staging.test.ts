// The files that engines read: what they say and who may read them.
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openHost } from '@polyarch/ci-host'
import { parsePlatform } from '@polyarch/oci'
import { temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import type { BuildRequest } from './build-request.ts'
import { formatDockerConfig } from './docker-config.ts'
import { formatIgnoreFile, stageBuild } from './staging.ts'

const requestOf = (workspace: string, change: Partial<BuildRequest> = {}): BuildRequest => ({
  name: 'web',
  platform: parsePlatform('linux/amd64'),
  buildPlatform: parsePlatform('linux/amd64'),
  context: workspace,
  dockerfile: join(workspace, 'Dockerfile'),
  dockerfileText: 'FROM scratch\n',
  target: undefined,
  args: {},
  labels: {},
  annotations: {},
  secrets: [{ id: 'token', value: Buffer.from('hunter2') }],
  cacheRepository: undefined,
  sourceDateEpoch: undefined,
  engineArgs: [],
  mediaType: 'auto',
  timeoutSeconds: undefined,
  mounts: [],
  allowances: [],
  layout: join(workspace, 'out/[web]'),
  ...change,
})

const stage = async (workspace: string, change: Partial<BuildRequest> = {}, env: Record<string, string> = {}) => {
  const directory = join(workspace, '.polyarch')
  await writeFile(join(workspace, 'Dockerfile'), 'FROM scratch\n')
  const logins = [{ host: 'ghcr.io', username: 'me', password: 'secret' }]
  await stageBuild(openHost(env, workspace), directory, requestOf(workspace, change), { logins, caFile: undefined })
  return directory
}

test('what is secret only this user can read', async () => {
  await using workspace = await temporaryDirectory()
  const directory = await stage(workspace.path)
  for (const name of ['docker/config.json', 'secrets/token'])
    expect((await stat(join(directory, name))).mode & 0o777, name).toBe(0o600)
  for (const name of ['', 'docker', 'secrets'])
    expect((await stat(join(directory, name))).mode & 0o777, name).toBe(0o700)
  expect(await readFile(join(directory, 'secrets/token'), 'utf8')).toBe('hunter2')
})

describe('the ignore file', () => {
  const staged = async (change: Partial<BuildRequest>, files: Readonly<Record<string, string>>) => {
    await using workspace = await temporaryDirectory()
    await mkdir(join(workspace.path, 'web'))
    for (const [name, text] of Object.entries(files)) await writeFile(join(workspace.path, name), text)
    const context = change.context === undefined ? workspace.path : join(workspace.path, change.context)
    const directory = await stage(workspace.path, { ...change, context })
    return await readFile(join(directory, 'Dockerfile.dockerignore'), 'utf8')
  }

  test('is the user’s, and Polyarch’s own paths win', async () => {
    expect(await staged({}, { '.dockerignore': 'node_modules\n!.polyarch\n' })).toBe(
      'node_modules\n!.polyarch\n.polyarch\nout/\\[web\\]\n',
    )
  })

  test('of the Dockerfile goes before that of the context', async () => {
    const files = { '.dockerignore': 'context\n', 'Dockerfile.dockerignore': 'dockerfile\n' }
    expect(await staged({}, files)).toMatch(/^dockerfile\n/)
  })

  test('names nothing that is not in the context', async () => {
    expect(await staged({ context: 'web' }, {})).toBe('\n')
  })

  test('may not lead out of the workspace', async () => {
    await using workspace = await temporaryDirectory()
    await symlink('/etc/passwd', join(workspace.path, '.dockerignore'))
    await expect(stage(workspace.path)).rejects.toMatchObject({ kind: 'input' })
  })

  test('writes paths as patterns that match nothing else', () => {
    expect(formatIgnoreFile('', ['a*b', '#c', '!d'])).toBe('a\\*b\n\\#c\n\\!d')
  })
})

test('logins as docker writes them, docker.io under its old key', () => {
  const config = formatDockerConfig([
    { host: 'docker.io', username: 'me', password: 'a:b' },
    { host: 'ghcr.io', username: '', password: '', identityToken: 'token' },
  ])
  expect(JSON.parse(config)).toEqual({
    auths: {
      'https://index.docker.io/v1/': { auth: 'bWU6YTpi' },
      'ghcr.io': { auth: 'Og==', identitytoken: 'token' },
    },
  })
})

test('certificate authorities: the system’s, or those of SSL_CERT_FILE, and ca-file', async () => {
  await using workspace = await temporaryDirectory()
  const own = join(workspace.path, 'own.pem')
  await writeFile(own, 'own authorities')
  await writeFile(join(workspace.path, 'Dockerfile'), 'FROM scratch\n')
  const host = openHost({ SSL_CERT_FILE: own }, workspace.path)
  const directory = join(workspace.path, 'staging')
  await stageBuild(host, directory, requestOf(workspace.path), { logins: [], caFile: 'own.pem' })
  expect((await readdir(join(directory, 'certificates'))).sort()).toEqual(['input.pem', 'system.pem'])
  expect(await readFile(join(directory, 'certificates/system.pem'), 'utf8')).toBe('own authorities')
  const missing = stageBuild(host, `${directory}2`, requestOf(workspace.path), { logins: [], caFile: 'nowhere.pem' })
  await expect(missing).rejects.toThrow(/^input ca-file: .*nowhere.pem does not exist/)
})
