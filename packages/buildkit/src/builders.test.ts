// Every way to a real buildkitd: the step's own with a state that is kept, one that is given, and docker's buildx.
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { openHost, type RawInputs } from '@polyarch/ci-host'
import { findEnclosure, hostPlatform, outputsOf, planProgramEnvironment } from '@polyarch/engine'
import { layoutRoots } from '@polyarch/layout'
import { type BaseRegistry, lacks, partPath, readImage, startBaseRegistry, temporaryDirectory } from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chooseBuilder } from './choose-builder.ts'
import { startBuildkitd } from './own-buildkitd.ts'
import { places } from './places.ts'
import * as scene from './testing/build-scene.ts'

/** PATH with buildkitd and buildctl, which lie side by side. */
const toolPath = (): string => [dirname(partPath('buildkit')), process.env['PATH']].join(delimiter)

/** Builds the Dockerfile in the workspace; the layout goes to `out`. */
const build = async (workspace: string, dockerfile: string, raw: RawInputs = {}) => {
  await writeFile(join(workspace, 'Dockerfile'), dockerfile)
  const host = openHost({ PATH: toolPath(), HOME: join(workspace, '.home') }, workspace)
  return outputsOf(await scene.build(host, { layout: 'out', ...raw }))
}

const user = process.getuid?.() === 0 ? 'root' : 'user-namespaces'

describe.skipIf(lacks('buildkit', user))('a buildkitd of the step’s own', () => {
  test('keeps its cache in buildkit-state, and nothing elsewhere', async () => {
    await using workspace = await temporaryDirectory()
    await writeFile(join(workspace.path, 'hello'), 'hello\n')
    const inputs = { 'buildkit-state': 'state' }
    const dockerfile = 'FROM scratch AS a\nCOPY hello /\nFROM scratch\nCOPY --from=a /hello /there\n'
    const first = await build(workspace.path, dockerfile, inputs)
    const second = await build(workspace.path, dockerfile, inputs)
    // Only what came from the cache has the creation time of the first build.
    expect(second.digest).toBe(first.digest)
    expect((await readdir(workspace.path)).sort()).toEqual(['Dockerfile', 'hello', 'out', 'state'])
  })

  test('says why it could not start', async () => {
    await using workspace = await temporaryDirectory()
    const failure = build(workspace.path, 'FROM scratch\n', { 'buildkitd-args': '--oci-worker-binary=no-such-runc' })
    await expect(failure).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(/^input builder: buildkitd could not start: /),
    })
    expect(await readdir(workspace.path)).toEqual(['Dockerfile'])
  })

  test('attests where it is asked to, and the layout holds image and attestation', async () => {
    await using workspace = await temporaryDirectory()
    const outputs = await build(workspace.path, 'FROM scratch\nCOPY Dockerfile /\n', { provenance: 'max' })
    const roots = await layoutRoots(outputs.layout)
    expect(roots).toMatchObject([
      { digest: outputs.digest, platform: hostPlatform() },
      {
        annotations: {
          'vnd.docker.reference.type': 'attestation-manifest',
          'vnd.docker.reference.digest': outputs.digest,
        },
        platform: { os: 'unknown', architecture: 'unknown' },
      },
    ])
    expect(Object.keys((await readImage(outputs)).files)).toEqual(['Dockerfile'])
    expect((await readdir(outputs.layout)).sort()).toEqual(['blobs', 'index.json', 'oci-layout'])
  })
})

describe.skipIf(lacks('buildkit', user, 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'))(
  'a buildkitd that is there',
  () => {
    let registry: BaseRegistry

    beforeAll(async () => {
      registry = await startBaseRegistry()
    })
    afterAll(() => registry.stop())

    /** Starts a buildkitd for the test; gives its address. */
    const withDaemon = async (work: (address: string) => Promise<void>): Promise<void> => {
      await using directory = await temporaryDirectory('bk')
      const host = openHost({ PATH: toolPath(), HOME: directory.path }, directory.path)
      const settings = { path: toolPath(), proxies: {}, sshSocket: undefined, certificates: undefined }
      for (const name of [places.run, places.temporary]) await mkdir(join(directory.path, name))
      await using _daemon = await startBuildkitd(host, {
        work: directory.path,
        enclosure: await findEnclosure(host, 'the test'),
        env: planProgramEnvironment(directory.path, settings),
        mounts: [],
        access: { insecure: [], mirrors: {} },
        state: undefined,
        args: [],
      })
      await work(`unix://${directory.path}/buildkitd.sock`)
    }

    test('builds at the address of buildkit-host, and goes on running', async () => {
      await withDaemon(async (address) => {
        await using workspace = await temporaryDirectory()
        const dockerfile = `FROM ${registry.base}\nRUN echo here > /file\n`
        const inputs = { 'buildkit-host': address }
        const { files } = await readImage(await build(workspace.path, dockerfile, inputs))
        await expect(build(workspace.path, dockerfile, inputs)).resolves.toBeDefined()
        expect(files['file']?.text).toBe('here\n')
        expect((await readdir(workspace.path)).sort()).toEqual(['Dockerfile', 'out'])
      })
    })

    test('an address where nobody answers is the input’s mistake', async () => {
      await using workspace = await temporaryDirectory()
      const failure = build(workspace.path, 'FROM scratch\n', { 'buildkit-host': 'unix:///nowhere/buildkitd.sock' })
      await expect(failure).rejects.toMatchObject({
        kind: 'input',
        message: expect.stringMatching(/^input buildkit-host: unix:\/\/\/nowhere\/buildkitd.sock does not answer: /),
      })
    })

    /** A client that knows only `docker buildx`, which it hands to the real buildx: docker itself needs a daemon. */
    const writeDockerClient = async (directory: string): Promise<void> => {
      const file = join(directory, 'docker')
      await writeFile(file, `#!/bin/sh\n[ "$1" = buildx ] || exit 1\nshift\nexec "${partPath('buildx')}" "$@"\n`)
      await chmod(file, 0o755)
    }

    test.skipIf(lacks('buildx'))('builds with the builder that docker buildx uses', async () => {
      await withDaemon(async (address) => {
        await using client = await temporaryDirectory()
        await writeDockerClient(client.path)
        await using workspace = await temporaryDirectory()
        await writeFile(
          join(workspace.path, 'Dockerfile'),
          `FROM ${registry.base}\nRUN --mount=type=secret,id=token md5sum < /run/secrets/token > /sum\nCOPY . /all/\n`,
        )
        const path = [client.path, toolPath()].join(delimiter)
        const host = openHost({ PATH: path, HOME: client.path }, workspace.path)
        const args = ['buildx', 'create', '--name=there', '--driver=remote', '--use', address]
        const created = await host.exec({ file: 'docker', args, env: { PATH: path, HOME: client.path } })
        expect(created).toMatchObject({ code: 0 })
        const raw = { layout: 'out', builder: 'buildx', secrets: 'token=hunter2', labels: 'a=b, c', annotations: 'x=y' }
        const outputs = outputsOf(await scene.build(host, raw))
        const { files, config, manifest } = await readImage(outputs)
        expect(files['sum']?.text).toBe('2ab96390c7dbe3439de74d0c9b0b1767  -\n')
        expect(Object.keys(files).filter((name) => name.startsWith('all/'))).toEqual(['all/Dockerfile'])
        expect(config).toMatchObject({ config: { Labels: { a: 'b, c' } } })
        expect(manifest.annotations).toEqual({ x: 'y' })
        expect(outputs['engine-version']).toMatch(/^\d+\.\d+/)
        expect((await readdir(workspace.path)).sort()).toEqual(['Dockerfile', 'out'])
        expect(await readFile(join(client.path, '.docker/buildx/instances/there'), 'utf8')).toContain('remote')
      })
    })
  },
)

describe('the choice', () => {
  const inputs = {
    builder: 'auto' as const,
    'buildkit-host': undefined,
    'buildkit-state': undefined,
    'buildkitd-args': [],
  } satisfies Parameters<typeof chooseBuilder>[0]
  const hostWith = (env: Record<string, string>) => openHost({ PATH: '/nowhere', ...env }, '/')

  test('an address is used without being asked', async () => {
    expect(await chooseBuilder({ ...inputs, 'buildkit-host': 'tcp://a:1' }, hostWith({}))).toMatchObject({
      builder: 'remote',
      address: 'tcp://a:1',
    })
    expect(await chooseBuilder(inputs, hostWith({ BUILDKIT_HOST: 'tcp://b:1' }))).toMatchObject({
      address: 'tcp://b:1',
    })
  })

  test('what is no address is refused, wherever it stands', async () => {
    await expect(chooseBuilder({ ...inputs, 'buildkit-host': 'buildkitd' }, hostWith({}))).rejects.toMatchObject({
      kind: 'input',
      message: 'input buildkit-host: "buildkitd" is not an address, for example tcp://buildkitd:1234',
    })
    await expect(chooseBuilder(inputs, hostWith({ BUILDKIT_HOST: 'buildkitd:1234' }))).rejects.toThrow(
      /^BUILDKIT_HOST: /,
    )
    const ignored = chooseBuilder({ ...inputs, builder: 'buildkitd' }, hostWith({ BUILDKIT_HOST: 'buildkitd:1234' }))
    expect(await ignored).toMatchObject({ builder: 'buildkitd' })
  })

  test('inputs for another builder are refused', async () => {
    await expect(
      chooseBuilder({ ...inputs, builder: 'buildx', 'buildkit-host': 'tcp://a:1' }, hostWith({})),
    ).rejects.toMatchObject({ kind: 'input', message: expect.stringMatching(/^input buildkit-host: builder buildx/) })
    await expect(
      chooseBuilder({ ...inputs, builder: 'remote', 'buildkit-state': 'x' }, hostWith({})),
    ).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(/^input buildkit-state: only a buildkitd/),
    })
    await expect(chooseBuilder({ ...inputs, builder: 'remote' }, hostWith({}))).rejects.toMatchObject({
      message: 'input buildkit-host is required for builder remote',
    })
  })

  test.skipIf(lacks('buildkit'))('a buildkitd that is installed is started', async () => {
    const path = dirname(partPath('buildkit'))
    expect(await chooseBuilder(inputs, openHost({ PATH: path }, '/'))).toMatchObject({ builder: 'buildkitd' })
  })
})
