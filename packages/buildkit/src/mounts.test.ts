// Directories of this machine that commands work on, with a real buildkitd.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { openHost } from '@polyarch/ci-host'
import { type BaseRegistry, lacks, partPath, readImage, startBaseRegistry, temporaryDirectory } from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requestDevice } from './device-mounts.ts'
import { build } from './testing/build-scene.ts'

const user = process.getuid?.() === 0 ? 'root' : 'user-namespaces'

test('the device is asked for in each RUN, and nothing else changes', () => {
  const text = `FROM a AS b
run  --mount=type=cache,target=/c \\
  RUN x
RUN <<E
RUN y
E
ONBUILD RUN z
CMD RUN`
  expect(requestDevice(text)).toBe(`FROM a AS b
run --device=polyarch.dev/mounts=build  --mount=type=cache,target=/c \\
  RUN x
RUN --device=polyarch.dev/mounts=build <<E
RUN y
E
ONBUILD RUN z
CMD RUN`)
})

test('another’s BuildKit cannot see this machine', async () => {
  await using workspace = await temporaryDirectory()
  await writeFile(join(workspace.path, 'Dockerfile'), 'FROM scratch\n')
  const host = openHost({ PATH: process.env['PATH'] }, workspace.path)
  const mounts = [{ directory: workspace.path, path: '/workspace' }]
  await expect(build(host, { 'buildkit-host': 'tcp://a:1' }, { mounts })).rejects.toMatchObject({
    kind: 'input',
    message: expect.stringMatching(/^input builder: .* not builder remote$/),
  })
})

describe.skipIf(lacks('buildkit', user, 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'))(
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
      await mkdir(app)
      await writeFile(join(app, 'source'), 'source\n')
      const dockerfile = `FROM ${registry.base} AS first
RUN cp /workspace/source /workspace/first
FROM ${registry.base}
COPY --from=first /bin/sh /copied
COPY --from=first /workspace* /nothing/
RUN cat /workspace/first > /result && mkdir /workspace/deep && echo second > /workspace/deep/second
`
      await writeFile(join(workspace.path, 'Dockerfile'), dockerfile)
      const path = [dirname(partPath('buildkit')), process.env['PATH']].join(delimiter)
      const host = openHost({ PATH: path, HOME: join(workspace.path, '.home') }, workspace.path)
      const { layout } = await build(host, { layout: 'out' }, { mounts: [{ directory: app, path: '/workspace' }] })
      const { paths, files } = await readImage({ layout: layout.directory, digest: layout.manifest.digest })
      expect(await readFile(join(app, 'first'), 'utf8')).toBe('source\n')
      expect(await readFile(join(app, 'deep/second'), 'utf8')).toBe('second\n')
      expect(files['result']?.text).toBe('source\n')
      // BuildKit leaves the place where a device mounted something: empty.
      expect(paths.filter((name) => /^(?:workspace|nothing)\/./.test(name))).toEqual([])
    })
  },
)
