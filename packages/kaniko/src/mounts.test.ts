// Directories of this machine that commands work on, with a real executor in the jail.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openHost } from '@polyarch/ci-host'
import {
  type BaseRegistry,
  lacks,
  listMounts,
  partPath,
  readImage,
  startBaseRegistry,
  temporaryDirectory,
} from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { build } from './testing/build-scene.ts'

const user = process.getuid?.() === 0 ? 'root' : 'user-namespaces'

describe.skipIf(lacks('kaniko-1.25.15', user, 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'))(
  'mounts',
  () => {
    let registry: BaseRegistry

    beforeAll(async () => {
      registry = await startBaseRegistry()
    })
    afterAll(() => registry.stop())

    test('commands of every stage read and write them, and no layer has any of it', async () => {
      await using workspace = await temporaryDirectory()
      const app = join(workspace.path, 'a p:p')
      const layers = join(workspace.path, 'layers')
      for (const directory of [app, join(layers, 'a')]) await mkdir(directory, { recursive: true })
      await writeFile(join(app, 'source'), 'source\n')
      await writeFile(
        join(workspace.path, 'Dockerfile'),
        `FROM ${registry.base} AS first
RUN cp /workspace/source /workspace/first && mknod /workspace/disk b 7 0 2> /dev/null; cat /workspace/disk 2> /layers/a/disk; true
FROM ${registry.base}
COPY --from=first /bin/sh /copied
RUN cat /workspace/first > /result && mkdir /workspace/deep && echo second > /workspace/deep/second
USER 1000
RUN id -u >> /tmp/who
`,
      )
      const host = openHost({ PATH: process.env['PATH'], HOME: join(workspace.path, '.home') }, workspace.path)
      const mounts = [
        { directory: app, path: '/workspace' },
        { directory: layers, path: '/layers' },
      ]
      const raw = { executor: partPath('kaniko-1.25.15'), layout: 'out' }
      const { layout } = await build(host, raw, { mounts })
      const { paths, files } = await readImage({ layout: layout.directory, digest: layout.manifest.digest })
      expect(await readFile(join(app, 'first'), 'utf8')).toBe('source\n')
      expect(await readFile(join(app, 'deep/second'), 'utf8')).toBe('second\n')
      expect(files['result']?.text).toBe('source\n')
      expect(paths.filter((path) => /^(?:workspace|layers)/.test(path))).toEqual([])
      // A device made there opens nothing of this machine.
      if (user === 'root') expect(await readFile(join(layers, 'a/disk'), 'utf8')).toMatch(/Permission denied/)
      expect(await listMounts(workspace.path)).toEqual([])
    })

    test.each(['/', '/proc/1', '/kaniko', '/etc', '/a/../proc', 'workspace', '/a b'])('nothing at %s', async (path) => {
      await using workspace = await temporaryDirectory()
      await writeFile(join(workspace.path, 'Dockerfile'), 'FROM scratch\nCOPY Dockerfile /\n')
      const host = openHost({ PATH: process.env['PATH'], HOME: join(workspace.path, '.home') }, workspace.path)
      const failure = build(
        host,
        { executor: partPath('kaniko-1.25.15'), layout: 'out' },
        { mounts: [{ directory: workspace.path, path }] },
      )
      await expect(failure).rejects.toMatchObject({
        kind: 'input',
        message: `nothing can be mounted at ${path}: expected an absolute path of letters, digits and . _ - that is not in /dev, /etc, /kaniko, /proc, /sys`,
      })
    })
  },
)
