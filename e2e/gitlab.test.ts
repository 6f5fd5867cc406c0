// The reference pipeline of the README under gitlab-ci-local: a platform that does not build, and the whole way.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lacks, partPath, type RunningRegistry, repositoryRoot, startRegistry } from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CommandEnd } from './command.ts'
import { runPipeline } from './gitlab-pipeline.ts'
import { platformsOf, pulledArchitecture, tagsOf } from './image-judge.ts'
import { type ReleasedTree, releaseTree } from './released-tree.ts'
import { brokenForArm64, createProject, pushBaseImage } from './sample-project.ts'

const readPipeline = (): Promise<string> => readFile(join(repositoryRoot, 'examples/gitlab/.gitlab-ci.yml'), 'utf8')

describe.skipIf(
  lacks('gitlab-ci-local', 'root', 'kaniko-1.25.15', 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'),
)('the reference pipeline', () => {
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

  const runIn = async (last?: string): Promise<CommandEnd> => {
    await using project = await createProject({
      registry: registry.host,
      remote: 'https://gitlab.com/acme/shop.git',
      files: { '.gitlab-ci.yml': await readPipeline() },
      ...(last === undefined ? {} : { last }),
    })
    const { username = '', password = '' } = registry.login ?? {}
    const auth = Buffer.from(`${username}:${password}`).toString('base64')
    // Variables of the project, as they would be set in GitLab for a shell runner.
    const variables = {
      DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [registry.host]: { auth } } }),
      INPUT_EXECUTOR: partPath('kaniko-1.25.15'),
      INPUT_LAUNCHER: 'jail',
    }
    return await runPipeline({ directory: project.path, released, variables })
  }

  test('moves no tag when one platform does not build', async () => {
    const { code, log } = await runIn(brokenForArm64)
    expect(code, log).not.toBe(0)
    expect(log).toContain('only-arm64')
    expect(await tagsOf(registry, 'acme/web')).toEqual([])
  })

  test('builds both platforms in their jobs, merges them and moves the tags', async () => {
    const { code, log } = await runIn()
    expect(code, log).toBe(0)
    expect(await tagsOf(registry, 'acme/web')).toEqual(['1.0.0', 'latest'])
    expect(await platformsOf(registry, 'acme/web:latest')).toEqual(['linux/amd64', 'linux/arm64'])
    expect(await pulledArchitecture(registry, 'acme/web:1.0.0', 'arm64')).toBe('arm64')
    expect(log).not.toContain(registry.login?.password)
  })
})
