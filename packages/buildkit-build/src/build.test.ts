// buildkit-build on a real buildkitd that the step starts itself, as this process's user.
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hostPlatform } from '@polyarch/engine'
import { openLayout } from '@polyarch/layout'
import {
  type BaseRegistry,
  elfBytes,
  lacks,
  listMounts,
  listProcesses,
  readImage,
  startBaseRegistry,
  temporaryDirectory,
} from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { build } from './testing/build-scene.ts'

const user = process.getuid?.() === 0 ? 'root' : 'user-namespaces'

const platform = `linux/${hostPlatform().architecture}`

describe.skipIf(lacks('buildkit', user))('from scratch', () => {
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
      WorkingDir: '/',
    })
    expect(Object.keys(config).sort()).toEqual(['architecture', 'config', 'created', 'history', 'os', 'rootfs'])
  })

  test('copies the context without what Polyarch keeps in it', async () => {
    await using workspace = await temporaryDirectory()
    await mkdir(join(workspace.path, '.polyarch/layouts'), { recursive: true })
    for (const name of ['.polyarch/layouts/other', 'kept', 'ignored', '.dockerignore'])
      await writeFile(join(workspace.path, name), name === '.dockerignore' ? 'ignored\n!.polyarch\n' : name)
    await build(workspace.path, 'FROM scratch\nCOPY . /app/\n')
    const { files } = await readImage(await build(workspace.path, 'FROM scratch\nCOPY . /app/\n'))
    expect(Object.keys(files).sort()).toEqual(['app/.dockerignore', 'app/Dockerfile', 'app/kept'])
  })

  test('builds the same again with a source date epoch', async () => {
    await using workspace = await temporaryDirectory()
    await writeFile(join(workspace.path, 'hello'), 'hello\n')
    const inputs = { 'source-date-epoch': '1700000000' }
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

  test('a missing file fails as the build’s, with BuildKit’s words, and keeps the earlier layout', async () => {
    await using workspace = await temporaryDirectory()
    const { digest } = await build(workspace.path, 'FROM scratch\nCOPY Dockerfile /\n')
    await expect(build(workspace.path, 'FROM scratch\nCOPY nothing /\n')).rejects.toMatchObject({
      kind: 'build',
      message: expect.stringMatching(/BuildKit failed: failed to solve: .*nothing.*: not found/),
    })
    await expect(openLayout(join(workspace.path, 'out')).getManifest(digest)).resolves.toBeDefined()
    expect((await readdir(workspace.path)).sort()).toEqual(['Dockerfile', 'out'])
  })

  test('a foreign binary is refused and no layout is left', async () => {
    await using workspace = await temporaryDirectory()
    await writeFile(join(workspace.path, 'tool'), elfBytes({ machine: 62 }))
    const failure = build(workspace.path, 'FROM scratch\nCOPY tool /tool\n', { platform: 'linux/s390x' })
    await expect(failure).rejects.toMatchObject({ kind: 'verification' })
    expect((await readdir(workspace.path)).sort()).toEqual(['Dockerfile', 'tool'])
  })

  test.each([
    ['--output=type=image', /--output is not yours to set/],
    ['--frontend=gateway.v0', /--frontend is not yours to set/],
    ['-t x', /expected --flag or --flag=value/],
  ])('engine-args that would make it another build are refused: %s', async (argument, message) => {
    await using workspace = await temporaryDirectory()
    await expect(build(workspace.path, 'FROM scratch\n', { 'engine-args': argument })).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(message),
    })
  })
})

describe.skipIf(lacks('buildkit', user, 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'))(
  'from a base image',
  () => {
    let registry: BaseRegistry
    const from = () => `FROM ${registry.base}\n`

    beforeAll(async () => {
      registry = await startBaseRegistry()
    })
    afterAll(() => registry.stop())

    test('runs commands as users of the image, with the platform’s arguments', async () => {
      await using workspace = await temporaryDirectory()
      const outputs = await build(
        workspace.path,
        `${from()}ARG TARGETARCH
RUN echo $TARGETARCH > /arch && echo app:x:1000:1000::/app:/bin/sh >> /etc/passwd && mkdir /app && chown 1000:1000 /app
USER app
WORKDIR /app
RUN id -un > who
`,
      )
      const { config, files } = await readImage(outputs)
      expect(files).toMatchObject({
        arch: { text: `${hostPlatform().architecture}\n` },
        'app/who': { text: 'app\n', owner: '1000:1000' },
      })
      expect(config).toMatchObject({ config: { User: 'app', WorkingDir: '/app', Cmd: ['sh'] } })
      expect(Object.keys(files).filter((path) => /^(proc|sys|dev|run|etc\/(resolv|hosts))/.test(path))).toEqual([])
    })

    test.skipIf(lacks('binfmt-arm64'))('builds for arm64, with a stage on this machine’s platform', async () => {
      await using workspace = await temporaryDirectory()
      const outputs = await build(
        workspace.path,
        `FROM --platform=$BUILDPLATFORM ${registry.base} AS tool\nRUN uname -m > /built-on\n${from()}COPY --from=tool /built-on /\nRUN uname -m > /machine\n`,
        { platform: 'linux/arm64' },
      )
      const { config, files } = await readImage(outputs)
      expect(outputs.platform).toBe('linux/arm64')
      expect(config).toMatchObject({ os: 'linux', architecture: 'arm64' })
      expect(files).toMatchObject({ machine: { text: 'aarch64\n' } })
      expect(files['built-on']?.text).not.toBe(process.arch === 'arm64' ? '' : 'aarch64\n')
    })

    test('a secret reaches the command and nothing else', async () => {
      await using workspace = await temporaryDirectory()
      await writeFile(join(workspace.path, 'key'), 'from-a-file\n')
      const outputs = await build(
        workspace.path,
        `${from()}RUN --mount=type=secret,id=token md5sum < /run/secrets/token > /sum && cat /proc/*/cmdline | tr '\\0' ' ' | grep -c h[u]nter2 > /seen || true
RUN --mount=type=secret,id=key,target=/key grep -c from-a-file /key > /found
`,
        { secrets: 'token=hunter2\nkey=@key' },
      )
      const { files, config } = await readImage(outputs)
      expect(files).toMatchObject({
        sum: { text: '2ab96390c7dbe3439de74d0c9b0b1767  -\n' },
        seen: { text: '0\n' },
        found: { text: '1\n' },
      })
      expect(Object.keys(files).filter((path) => /secrets|^key$/.test(path))).toEqual([])
      expect(JSON.stringify(config)).not.toContain('hunter2')
    })

    test('a command that fails is the build’s failure, with its last words', async () => {
      await using workspace = await temporaryDirectory()
      const failure = build(workspace.path, `${from()}RUN echo connection refused: no luck >&2; exit 42\n`)
      await expect(failure).rejects.toMatchObject({
        kind: 'build',
        message: expect.stringMatching(/exit code: 42 \(its last line: connection refused: no luck\)$/),
      })
      expect(await readdir(workspace.path)).toEqual(['Dockerfile'])
    })

    test('what a command leaves running ends with the build', async () => {
      await using workspace = await temporaryDirectory()
      const marker = `sleep ${6_000_000 + process.pid}`
      await build(workspace.path, `${from()}RUN ${marker} > /dev/null 2>&1 &\n`)
      expect((await listProcesses()).map(({ commandLine }) => commandLine).join('\n')).not.toContain(marker)
    })

    test('registry failures have their own kinds', async () => {
      await using workspace = await temporaryDirectory()
      for (const image of [`${registry.host}/nothing:1`, '127.0.0.1:1/nothing:1'])
        await expect(build(workspace.path, `FROM ${image}\nRUN true\n`, { preflight: 'off' })).rejects.toMatchObject({
          kind: 'registry',
        })
    })

    test('pulls from a mirror', async () => {
      await using workspace = await temporaryDirectory()
      const inputs = { 'registry-mirrors': `registry.invalid=${registry.host}` }
      const outputs = await build(workspace.path, 'FROM registry.invalid/busybox:1\nRUN echo x > /x\n', inputs)
      expect((await readImage(outputs)).files['x']?.text).toBe('x\n')
    })

    test('caches in a repository of the platform', async () => {
      await using workspace = await temporaryDirectory()
      const dockerfile = `${from()}RUN head -c 16 /dev/urandom | md5sum > /random\n`
      const inputs = { 'cache-repo': `${registry.host}/cache` }
      const first = await readImage(await build(workspace.path, dockerfile, inputs))
      const second = await readImage(await build(workspace.path, dockerfile, inputs))
      expect((await registry.requests()).join('\n')).toMatch(/PUT \/v2\/cache\/linux-\w+\/manifests\//)
      expect(first.files['random']?.text).toBeDefined()
      expect(second.files['random']?.text).toBe(first.files['random']?.text)
    })
  },
)

describe.skipIf(lacks('buildkit', user, 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'))(
  'with a registry that asks who it is',
  () => {
    test('has the login of the base image’s registry, and says when there is none', async () => {
      await using registry = await startBaseRegistry({ auth: 'htpasswd' })
      const { username, password } = registry.login!
      await using workspace = await temporaryDirectory()
      const dockerfile = `FROM ${registry.base}\nLABEL a=b\n`
      const auth = `${registry.host}=${username}:${password}\nghcr.io=other:unneeded`
      await expect(build(workspace.path, dockerfile, { 'registry-auth': auth })).resolves.toBeDefined()
      await expect(build(workspace.path, dockerfile)).rejects.toMatchObject({
        kind: 'denied',
        message: expect.not.stringContaining(password),
      })
    })
  },
)
