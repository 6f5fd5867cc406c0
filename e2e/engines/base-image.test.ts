// Images from a base image of a registry, by buildah and by a buildkitd that the step starts, as this process's user.
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hostPlatform } from '@polyarch/engine'
import {
  type BaseRegistry,
  lacks,
  listProcesses,
  readImage,
  startBaseRegistry,
  temporaryDirectory,
} from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildah, buildkit, type TestedEngine } from './buildah-and-buildkit.ts'
import { buildDockerfileWith } from './engine-build.ts'
import { uniqueSleep } from './running-command.ts'

const user = process.getuid?.() === 0 ? 'root' : 'user-namespaces'

/** Declares the tests of the engine. */
const testBuilds = ({ name, once, exitCode, leavesEmptyFiles }: TestedEngine): void => {
  const build = buildDockerfileWith(name)
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
    const left = Object.entries(files).filter(([path]) => /^(proc|sys|dev|run|etc\/(resolv|host))/.test(path))
    expect(left.filter(([, { text }]) => !(leavesEmptyFiles && text === ''))).toEqual([])
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
      message: expect.stringMatching(new RegExp(`${exitCode(42)} \\(its last line: connection refused: no luck\\)$`)),
    })
    expect(await readdir(workspace.path)).toEqual(['Dockerfile'])
  })

  test('what a command leaves running ends with the build', async () => {
    await using workspace = await temporaryDirectory()
    const marker = uniqueSleep()
    await build(workspace.path, `${from()}RUN ${marker} > /dev/null 2>&1 &\n`)
    expect((await listProcesses()).map(({ commandLine }) => commandLine).join('\n')).not.toContain(marker)
  })

  test('registry failures have their own kinds', async () => {
    await using workspace = await temporaryDirectory()
    for (const image of [`${registry.host}/nothing:1`, '127.0.0.1:1/nothing:1'])
      await expect(
        build(workspace.path, `FROM ${image}\nRUN true\n`, { preflight: 'off', ...once }),
      ).rejects.toMatchObject({ kind: 'registry' })
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

  test('has the login of a registry that asks who it is, and says when there is none', async () => {
    await using guarded = await startBaseRegistry({ auth: 'htpasswd' })
    const { username, password } = guarded.login!
    await using workspace = await temporaryDirectory()
    const dockerfile = `FROM ${guarded.base}\nLABEL a=b\n`
    const auth = `${guarded.host}=${username}:${password}\nghcr.io=other:unneeded`
    await expect(build(workspace.path, dockerfile, { 'registry-auth': auth })).resolves.toBeDefined()
    await expect(build(workspace.path, dockerfile)).rejects.toMatchObject({
      kind: 'denied',
      message: expect.not.stringContaining(password),
    })
  })
}

describe.skipIf(lacks('buildah', user, 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'))(
  'buildah from a base image',
  () => testBuilds(buildah),
)

describe.skipIf(lacks('buildkit', user, 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'))(
  'BuildKit from a base image',
  () => testBuilds(buildkit),
)
