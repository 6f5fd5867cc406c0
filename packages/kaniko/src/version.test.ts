// The kaniko that an image’s name or an executor tells of.
import { mkdir, writeFile } from 'node:fs/promises'
import { openHost } from '@polyarch/ci-host'
import { lacks, partPath, temporaryDirectory } from '@polyarch/parts'
import { openStores } from '@polyarch/stores'
import { expect, test } from 'vitest'
import { findKaniko, kanikoOfImage } from './version.ts'

test.each([
  ['ghcr.io/osscontainertools/kaniko:v1.28.3', '1.28.3', undefined],
  ['ghcr.io/osscontainertools/kaniko:v1.27.0-debug', '1.27.0', undefined],
  ['gcr.io/kaniko-project/executor:v1.23.2-slim', '1.23.2', 'upstream'],
  ['gcr.io/kaniko-project/executor:debug', undefined, 'upstream'],
  ['cgr.dev/chainguard/kaniko:1.25', '1.25', 'chainguard'],
  [`mirror.example.com/kaniko@sha256:${'0'.repeat(64)}`, undefined, undefined],
])('%s is %s', (image, version, lineage) => {
  expect(kanikoOfImage(image)).toEqual({ engine: 'kaniko', version, lineage })
})

test('what is no reference is the input’s mistake', () => {
  expect(() => kanikoOfImage('Bad Ref:')).toThrow(/^input kaniko-image: invalid reference /)
})

test.skipIf(lacks('kaniko-1.25.15', process.getuid?.() === 0 ? 'root' : 'user-namespaces'))(
  'an executor of this machine is asked',
  async () => {
    await using workspace = await temporaryDirectory()
    await mkdir(workspace.path, { recursive: true })
    await writeFile(`${workspace.path}/Dockerfile`, 'FROM scratch\n')
    const host = openHost({ PATH: process.env['PATH'] }, workspace.path)
    const stores = await openStores({ 'registry-auth': [], 'insecure-registries': [], 'registry-mirrors': [] }, host)
    const settings = {
      executor: partPath('kaniko-1.25.15'),
      launcher: 'auto',
      'kaniko-image': 'unused:v1.28.3',
    } as const
    expect(await findKaniko(settings, host, stores)).toEqual({
      engine: 'kaniko',
      version: '1.25.15',
      lineage: 'chainguard',
    })
    await stores[Symbol.asyncDispose]()
  },
)
