// What buildah-build alone keeps, says and refuses, on a real buildah; e2e/engines has what buildkit-build does too.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { openLayout } from '@polyarch/layout'
import { lacks, readImage, temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { build } from './testing/build-scene.ts'

const user = process.getuid?.() === 0 ? 'root' : 'user-namespaces'

describe.skipIf(lacks('buildah', user))('buildah-build', () => {
  test('keeps what the image specification leaves to docker, and nothing of its own', async () => {
    await using workspace = await temporaryDirectory()
    const outputs = await build(
      workspace.path,
      'FROM scratch\nCOPY Dockerfile /\nHEALTHCHECK --interval=5s CMD ["/x"]\nSHELL ["/bin/bash", "-c"]\nONBUILD USER app\n',
    )
    const { config } = await readImage(outputs)
    expect(config.config).toEqual({
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      Healthcheck: { Test: ['CMD', '/x'], Interval: 5_000_000_000 },
      OnBuild: ['USER app'],
      Shell: ['/bin/bash', '-c'],
    })
    expect(Object.keys(config).sort()).toEqual(['architecture', 'config', 'created', 'history', 'os', 'rootfs'])
    expect(JSON.stringify(config.history)).not.toContain('"comment"')
  })

  test('a missing file fails as the build’s, with buildah’s words, and keeps the earlier layout', async () => {
    await using workspace = await temporaryDirectory()
    const { digest } = await build(workspace.path, 'FROM scratch\nCOPY Dockerfile /\n')
    await expect(build(workspace.path, 'FROM scratch\nCOPY nothing /\n')).rejects.toMatchObject({
      kind: 'build',
      message: expect.stringMatching(/buildah failed: building at STEP "COPY nothing \/": .*nothing/),
    })
    await expect(openLayout(join(workspace.path, 'out')).getManifest(digest)).resolves.toBeDefined()
    expect((await readdir(workspace.path)).sort()).toEqual(['Dockerfile', 'out'])
  })

  test.each([
    ['--isolation=oci', /--isolation is not yours to set/],
    ['--root=/', /--root is not yours to set/],
    ['-t x', /expected --flag or --flag=value/],
  ])('engine-args that would make it another build are refused: %s', async (argument, message) => {
    await using workspace = await temporaryDirectory()
    await expect(build(workspace.path, 'FROM scratch\n', { 'engine-args': argument })).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(message),
    })
  })
})
