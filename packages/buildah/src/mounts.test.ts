// Directories of this machine that commands work on, with a real buildah.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openHost } from '@polyarch/ci-host'
import { type BaseRegistry, lacks, readImage, startBaseRegistry, temporaryDirectory } from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { build } from './testing/build-scene.ts'

const user = process.getuid?.() === 0 ? 'root' : 'user-namespaces'

describe.skipIf(lacks('buildah', user, 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'))('mounts', () => {
  let registry: BaseRegistry

  beforeAll(async () => {
    registry = await startBaseRegistry()
  })
  afterAll(() => registry.stop())

  test.each(['overlay', 'vfs'])(
    'commands of every stage read and write them, and no layer has any of it (storage %s)',
    async (driver) => {
      await using workspace = await temporaryDirectory()
      const app = join(workspace.path, 'a p:p')
      await mkdir(app)
      await writeFile(join(app, 'source'), 'source\n')
      const dockerfile = `FROM ${registry.base} AS first
RUN cp /workspace/source /workspace/first
FROM ${registry.base}
COPY --from=first /bin/sh /copied
RUN cat /workspace/first > /result && mkdir /workspace/deep && echo second > /workspace/deep/second
`
      await writeFile(join(workspace.path, 'Dockerfile'), dockerfile)
      const host = openHost({ PATH: process.env['PATH'], HOME: join(workspace.path, '.home') }, workspace.path)
      const raw = { layout: 'out', 'storage-driver': driver }
      const { layout } = await build(host, raw, { mounts: [{ directory: app, path: '/workspace' }] })
      const { paths, files } = await readImage({ layout: layout.directory, digest: layout.manifest.digest })
      expect(await readFile(join(app, 'first'), 'utf8')).toBe('source\n')
      expect(await readFile(join(app, 'deep/second'), 'utf8')).toBe('second\n')
      expect(files['result']?.text).toBe('source\n')
      // buildah leaves the place where it mounted something: empty.
      expect(paths.filter((path) => path.startsWith('workspace/')).every((path) => path === 'workspace/')).toBe(true)
    },
  )
})
