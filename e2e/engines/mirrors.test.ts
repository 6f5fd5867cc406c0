// A mirror with a login of its own, for every engine: the registry that it stands for does not even exist.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { engineNames } from '@polyarch/dockerfile'
import { type BaseRegistry, lacks, readImage, startBaseRegistry, temporaryDirectory } from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildWith } from './engine-build.ts'

const user = process.getuid?.() === 0 ? 'root' : 'user-namespaces'

describe.skipIf(
  lacks(user, 'kaniko-1.25.15', 'buildah', 'buildkit', 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'),
)('a mirror', () => {
  let mirror: BaseRegistry

  beforeAll(async () => {
    mirror = await startBaseRegistry({ auth: 'htpasswd' })
  })
  afterAll(() => mirror.stop())

  test.each(engineNames)('gives %s the base image for its own login', async (engine) => {
    await using workspace = await temporaryDirectory()
    await writeFile(join(workspace.path, 'Dockerfile'), 'FROM registry.invalid/busybox:1\nRUN echo x > /x\n')
    const { username, password } = mirror.login!
    const raw = { layout: 'out', 'registry-mirrors': `registry.invalid=${mirror.host}` }
    const auth = { 'registry-auth': `${mirror.host}=${username}:${password}` }
    const { files } = await readImage(await buildWith(engine, { ...raw, ...auth }, workspace.path))
    expect(files['x']?.text).toBe('x\n')
    await expect(buildWith(engine, raw, workspace.path)).rejects.toMatchObject({
      message: expect.not.stringContaining(password),
    })
  })
})
