// Images that are made from scratch, by buildah and by a buildkitd that the step starts itself, as this process's user.
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hostPlatform } from '@polyarch/engine'
import { elfBytes, lacks, listMounts, readImage, temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { buildah, buildkit, type TestedEngine } from './buildah-and-buildkit.ts'
import { buildDockerfileWith } from './engine-build.ts'

const user = process.getuid?.() === 0 ? 'root' : 'user-namespaces'

const platform = `linux/${hostPlatform().architecture}`

/** Declares the tests of the engine. */
const testBuilds = ({ name, reproducible }: TestedEngine): void => {
  const build = buildDockerfileWith(name)

  test('builds an OCI image, and leaves nothing but the layout', async () => {
    await using workspace = await temporaryDirectory()
    await writeFile(join(workspace.path, 'hello'), 'hello\n', { mode: 0o640 })
    const outputs = await build(workspace.path, 'FROM scratch\nCOPY hello /deep/hello\nENV A=b\n', {
      labels: 'vendor=acme, inc\nquote="x"',
      annotations: 'org.example.note=a, "b"',
      'build-args': 'UNUSED=1',
    })
    const { manifest, config, files } = await readImage(outputs)
    expect(files).toEqual({ 'deep/hello': { text: 'hello\n', mode: 0o640, owner: '0:0' } })
    expect(config).toMatchObject({ ...hostPlatform(), config: { Labels: { vendor: 'acme, inc', quote: '"x"' } } })
    expect(manifest).toMatchObject({
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: { mediaType: 'application/vnd.oci.image.config.v1+json' },
      layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' }],
      annotations: { 'org.example.note': 'a, "b"' },
    })
    expect(outputs).toMatchObject({ platform, 'engine-version': expect.stringMatching(/^\d+\.\d+/) })
    expect((await readdir(workspace.path)).sort()).toEqual(['Dockerfile', 'hello', 'out'])
    expect(await listMounts(workspace.path)).toEqual([])
  })

  test('copies the context without what Polyarch keeps in it', async () => {
    await using workspace = await temporaryDirectory()
    await mkdir(join(workspace.path, '.polyarch/layouts'), { recursive: true })
    for (const file of ['.polyarch/layouts/other', 'kept', 'ignored', '.dockerignore'])
      await writeFile(join(workspace.path, file), file === '.dockerignore' ? 'ignored\n!.polyarch\n' : file)
    await build(workspace.path, 'FROM scratch\nCOPY . /app/\n')
    const { files } = await readImage(await build(workspace.path, 'FROM scratch\nCOPY . /app/\n'))
    expect(Object.keys(files).sort()).toEqual(['app/.dockerignore', 'app/Dockerfile', 'app/kept'])
  })

  test.each(reproducible)('builds the same again with a source date epoch (inputs %j)', async (raw) => {
    await using workspace = await temporaryDirectory()
    await writeFile(join(workspace.path, 'hello'), 'hello\n')
    const inputs = { 'source-date-epoch': '1700000000', ...raw }
    const dockerfile = 'FROM scratch\nCOPY hello /hello\nLABEL a=b\n'
    const first = await build(workspace.path, dockerfile, inputs)
    const second = await build(workspace.path, dockerfile, inputs)
    expect(second.digest).toBe(first.digest)
    expect((await readImage(second)).config['created']).toBe('2023-11-14T22:13:20Z')
  })

  test('paths with spaces, quotes, commas and colons are paths', async () => {
    await using directory = await temporaryDirectory()
    const workspace = join(directory.path, `it's "$(touch x)", a; b:c\\ d`)
    await mkdir(join(workspace, 'con text'), { recursive: true })
    await writeFile(join(workspace, 'con text', 'a file'), 'x')
    await build(workspace, 'FROM scratch\nCOPY ["a file", "/a file"]\n', { context: 'con text', layout: "o'u t:1" })
    expect((await readdir(workspace)).sort()).toEqual(['Dockerfile', 'con text', "o'u t:1"])
  })

  test('a foreign binary is refused and no layout is left', async () => {
    await using workspace = await temporaryDirectory()
    await writeFile(join(workspace.path, 'tool'), elfBytes({ machine: 62 }))
    const failure = build(workspace.path, 'FROM scratch\nCOPY tool /tool\n', { platform: 'linux/s390x' })
    await expect(failure).rejects.toMatchObject({ kind: 'verification' })
    expect((await readdir(workspace.path)).sort()).toEqual(['Dockerfile', 'tool'])
  })
}

describe.skipIf(lacks('buildah', user))('buildah from scratch', () => testBuilds(buildah))

describe.skipIf(lacks('buildkit', user))('BuildKit from scratch', () => testBuilds(buildkit))
