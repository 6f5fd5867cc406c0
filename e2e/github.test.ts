// The reference workflow of the README under act: a pull request, a platform that does not build, and the whole way.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lacks, partPath, type RunningRegistry, repositoryRoot, startRegistry } from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseDocument } from 'yaml'
import { runWorkflow } from './act.ts'
import type { CommandEnd } from './command.ts'
import { platformsOf, pulledArchitecture, tagsOf } from './image-judge.ts'
import { type ReleasedTree, releaseTree } from './released-tree.ts'
import { brokenForArm64, createProject, pushBaseImage } from './sample-project.ts'

const workflow = '.github/workflows/polyarch.yml'

/** The reference workflow as it is, but with the executor of this machine: no registry of images can be reached. */
const readWorkflow = async (): Promise<string> => {
  const document = parseDocument(await readFile(join(repositoryRoot, 'examples/github/polyarch.yml'), 'utf8'))
  const steps = document.getIn(['jobs', 'build', 'steps']) as { items: { get(key: string): unknown }[] }
  const position = steps.items.findIndex((step) => String(step.get('uses')).includes('/kaniko-build@'))
  expect(position).toBeGreaterThan(0)
  document.setIn(['jobs', 'build', 'steps', position, 'with', 'executor'], partPath('kaniko-1.25.15'))
  document.setIn(['jobs', 'build', 'steps', position, 'with', 'launcher'], 'jail')
  return document.toString()
}

describe.skipIf(lacks('act', 'root', 'kaniko-1.25.15', 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'))(
  'the reference workflow',
  () => {
    let released: ReleasedTree
    let registry: RunningRegistry
    beforeAll(async () => {
      released = await releaseTree()
      registry = await startRegistry({ auth: 'htpasswd' })
      await pushBaseImage(registry)
    })
    afterAll(async () => {
      await registry?.stop()
      await released?.[Symbol.asyncDispose]()
    })

    const runIn = async (event: 'push' | 'pull_request', last?: string): Promise<CommandEnd> => {
      await using project = await createProject({
        registry: registry.host,
        remote: 'https://github.com/acme/shop.git',
        files: { [workflow]: await readWorkflow() },
        ...(last === undefined ? {} : { last }),
      })
      const { username = '', password = '' } = registry.login ?? {}
      const auth = Buffer.from(`${username}:${password}`).toString('base64')
      return await runWorkflow({
        directory: project.path,
        workflow,
        event,
        released: released.path,
        runners: ['ubuntu-24.04', 'ubuntu-24.04-arm'],
        env: { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [registry.host]: { auth } } }) },
      })
    }

    test('builds, checks and pushes nothing for a pull request', async () => {
      const { code, log } = await runIn('pull_request')
      expect(code, log).toBe(0)
      expect(log).toContain('build web.linux-arm64')
      expect(await tagsOf(registry, 'acme/web')).toEqual([])
    })

    // On a busy machine act sometimes drops the last lines of a step that fails, and those are the ones that count here.
    test('moves no tag when one platform does not build', { retry: 2 }, async () => {
      const { code, log } = await runIn('push', brokenForArm64)
      expect(code, log).not.toBe(0)
      expect(log).toContain('only-arm64')
      expect(log).toContain('no result for web')
      expect(await tagsOf(registry, 'acme/web')).toEqual([])
    })

    test('builds both platforms on their runners, merges them and moves the tags', async () => {
      const { code, log } = await runIn('push')
      expect(code, log).toBe(0)
      expect(await tagsOf(registry, 'acme/web')).toEqual(['1.0.0', 'latest'])
      expect(await platformsOf(registry, 'acme/web:latest')).toEqual(['linux/amd64', 'linux/arm64'])
      expect(await pulledArchitecture(registry, 'acme/web:1.0.0', 'arm64')).toBe('arm64')
      expect(await pulledArchitecture(registry, 'acme/web:1.0.0', 'amd64')).toBe('amd64')
      expect(log).toMatch(/Summary - /)
      expect(log).not.toContain(registry.login?.password)
    })
  },
)
