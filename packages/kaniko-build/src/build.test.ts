// kaniko-build on a real executor, in the jail, as this process's user.
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { openHost, parseInputs, type RawInputs } from '@polyarch/ci-host'
import { hostPlatform } from '@polyarch/engine'
import { openLayout } from '@polyarch/layout'
import {
  type BaseRegistry,
  elfBytes,
  lacks,
  listMounts,
  listProcesses,
  partPath,
  readImage,
  startBaseRegistry,
  temporaryDirectory,
} from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { step } from './step.ts'

/** Runs the step in the workspace with the given Dockerfile. */
const build = async (workspace: string, dockerfile: string, raw: RawInputs = {}) => {
  await writeFile(join(workspace, 'Dockerfile'), dockerfile)
  const inputs = { executor: partPath('kaniko-1.25.15'), layout: 'out', ...raw }
  const host = openHost({ PATH: process.env['PATH'], HOME: join(workspace, '.home') }, workspace)
  return await step.run(parseInputs(step, inputs), host)
}

/** The command lines of processes that work on the workspace. */
const processesOn = async (workspace: string): Promise<string[]> =>
  (await listProcesses()).map(({ commandLine }) => commandLine).filter((line) => line.includes(workspace))

/** Kills the parent of the process with this command line, once there is one. */
const killParentOf = async (commandLine: string): Promise<void> => {
  for (;;) {
    const found = (await listProcesses()).find((running) => running.commandLine === commandLine)
    if (found) {
      process.kill(found.parent, 'SIGKILL')
      return
    }
    await delay(20)
  }
}

const jailUser = process.getuid?.() === 0 ? 'root' : 'user-namespaces'

describe.skipIf(lacks('kaniko-1.25.15', jailUser))('from scratch', () => {
  test('builds, and leaves nothing but the layout', async () => {
    await using workspace = await temporaryDirectory()
    await writeFile(join(workspace.path, 'hello'), 'hello\n', { mode: 0o640 })
    const outputs = await build(workspace.path, 'FROM scratch\nCOPY hello /deep/hello\nENV A=b\n', {
      labels: 'vendor=acme, inc\nquote="x"',
      'build-args': 'UNUSED=1',
    })
    const { config, files } = await readImage(outputs)
    expect(files).toEqual({ 'deep/hello': { text: 'hello\n', mode: 0o640, owner: '0:0' } })
    expect(config).toMatchObject({ ...hostPlatform(), config: { Labels: { vendor: 'acme, inc', quote: '"x"' } } })
    expect(outputs).toMatchObject({ platform: `linux/${hostPlatform().architecture}`, 'engine-version': '1.25.15' })
    expect((await readdir(workspace.path)).sort()).toEqual(['.home', 'Dockerfile', 'hello', 'out'])
    expect(await listMounts(workspace.path)).toEqual([])
    expect(await processesOn(workspace.path)).toEqual([])
  })

  test('gives the media types of the specification where they are asked for', async () => {
    await using workspace = await temporaryDirectory()
    const dockerfile = 'FROM scratch\nCOPY Dockerfile /\n'
    await expect(build(workspace.path, dockerfile)).resolves.toMatchObject({
      'media-type': 'application/vnd.docker.distribution.manifest.v2+json',
    })
    const outputs = await build(workspace.path, dockerfile, { 'media-type': 'oci' })
    expect(outputs['media-type']).toBe('application/vnd.oci.image.manifest.v1+json')
    expect((await readImage(outputs)).manifest).toMatchObject({
      config: { mediaType: 'application/vnd.oci.image.config.v1+json' },
      layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' }],
    })
  })

  test('copies the context without what Polyarch keeps in it', async () => {
    await using workspace = await temporaryDirectory()
    await mkdir(join(workspace.path, '.polyarch/layouts'), { recursive: true })
    for (const name of ['.polyarch/layouts/other', 'kept', 'ignored', '.dockerignore'])
      await writeFile(join(workspace.path, name), name === '.dockerignore' ? 'ignored\n!.polyarch\n' : name)
    await build(workspace.path, 'FROM scratch\nCOPY . /app/\n')
    const { layout, digest } = await build(workspace.path, 'FROM scratch\nCOPY . /app/\n')
    const { files } = await readImage({ layout, digest })
    expect(
      Object.keys(files)
        .filter((path) => !path.startsWith('app/.home'))
        .sort(),
    ).toEqual(['app/.dockerignore', 'app/Dockerfile', 'app/kept'])
  })

  test('builds the same again with a source date epoch', async () => {
    await using workspace = await temporaryDirectory()
    await writeFile(join(workspace.path, 'hello'), 'hello\n')
    const dockerfile = 'FROM scratch\nCOPY hello /hello\n'
    const first = await build(workspace.path, dockerfile, { 'source-date-epoch': '0' })
    const second = await build(workspace.path, dockerfile, { 'source-date-epoch': '0' })
    expect(second.digest).toBe(first.digest)
  })

  test('paths with spaces, quotes and dollars are paths', async () => {
    await using directory = await temporaryDirectory()
    const workspace = join(directory.path, `it's "$(touch x)" a; b\\ c`)
    await mkdir(join(workspace, 'con text'), { recursive: true })
    await writeFile(join(workspace, 'con text', 'a file'), 'x')
    await build(workspace, 'FROM scratch\nCOPY ["a file", "/a file"]\n', { context: 'con text', layout: "o'u t" })
    expect((await readdir(workspace)).sort()).toEqual(['.home', 'Dockerfile', 'con text', "o'u t"])
  })

  test('a foreign binary is refused and no layout is left', async () => {
    await using workspace = await temporaryDirectory()
    await writeFile(join(workspace.path, 'tool'), elfBytes({ machine: 62 }))
    const failure = build(workspace.path, 'FROM scratch\nCOPY tool /tool\n', { platform: 'linux/s390x' })
    await expect(failure).rejects.toMatchObject({
      kind: 'verification',
      message: expect.stringMatching(/the image says linux\/s390x, but \/tool is a amd64 binary/),
    })
    expect((await readdir(workspace.path)).sort()).toEqual(['.home', 'Dockerfile', 'tool'])
  })

  test('a missing file fails as the build’s, with the executor’s words, and keeps the earlier layout', async () => {
    await using workspace = await temporaryDirectory()
    await writeFile(join(workspace.path, 'hello'), 'hello\n')
    const { digest } = await build(workspace.path, 'FROM scratch\nCOPY hello /\n')
    await expect(build(workspace.path, 'FROM scratch\nCOPY nothing /\n')).rejects.toMatchObject({
      kind: 'build',
      message: expect.stringMatching(/kaniko failed: error building image: .*nothing/),
    })
    await expect(openLayout(join(workspace.path, 'out')).getManifest(digest)).resolves.toBeDefined()
    expect((await readdir(workspace.path)).sort()).toEqual(['.home', 'Dockerfile', 'hello', 'out'])
  })

  test('asks an executor what it is only once', async () => {
    await using workspace = await temporaryDirectory()
    await writeFile(join(workspace.path, 'hello'), 'hello\n')
    await build(workspace.path, 'FROM scratch\nCOPY hello /\n')
    const facts = join(workspace.path, '.home/.cache/polyarch/kaniko/facts')
    const [name] = await readdir(facts)
    const { mtimeMs } = await stat(join(facts, name!))
    await build(workspace.path, 'FROM scratch\nCOPY hello /\n')
    expect((await stat(join(facts, name!))).mtimeMs).toBe(mtimeMs)
  })

  test('a secret for an executor that cannot keep one is refused before the build', async () => {
    await using workspace = await temporaryDirectory()
    await expect(build(workspace.path, 'FROM scratch\n', { secrets: 'token=hunter2' })).rejects.toMatchObject({
      kind: 'preflight',
      message: expect.stringMatching(/^input secrets needs an executor with --secret; kaniko 1\.25\.15 has none/),
    })
  })
})

describe.skipIf(
  lacks('kaniko-1.25.15', jailUser, 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64') || lacks('root'),
)('from a base image', () => {
  let registry: BaseRegistry
  const from = () => `FROM ${registry.base}\n`

  beforeAll(async () => {
    registry = await startBaseRegistry()
  })
  afterAll(() => registry.stop())

  test('runs commands, with names, devices and users as in a container', async () => {
    await using workspace = await temporaryDirectory()
    const outputs = await build(
      workspace.path,
      `${from()}ARG TARGETARCH
RUN echo $TARGETARCH > /arch && id -u > /id && cat < /dev/fd/0 && echo x > /dev/null
RUN echo app:x:1000:1000::/app:/bin/sh >> /etc/passwd && mkdir /app && chown app /app
USER app
WORKDIR /app
RUN id -un > who
RUN hostname > /dev/null && test -r /etc/resolv.conf && test ! -e /work && test -d /proc/self && echo "$$" > pid
`,
    )
    const { config, files } = await readImage(outputs)
    expect(files).toMatchObject({
      arch: { text: `${hostPlatform().architecture}\n` },
      id: { text: '0\n' },
      'app/who': { text: 'app\n' },
    })
    expect(config).toMatchObject({ ...hostPlatform(), config: { User: 'app', WorkingDir: '/app' } })
    expect(Object.keys(files).filter((path) => /^(kaniko|proc|dev|etc\/(resolv|hosts))/.test(path))).toEqual([])
  })

  test('copies between stages, which kaniko wipes in between', async () => {
    await using workspace = await temporaryDirectory()
    const { layout, digest } = await build(
      workspace.path,
      `FROM ${registry.base} AS tool\nRUN echo made > /made && echo left > /left\n${from()}COPY --from=tool /made /copied\n`,
    )
    const { files } = await readImage({ layout, digest })
    expect(files['copied']?.text).toBe('made\n')
    expect(files).not.toHaveProperty('left')
  })

  test.skipIf(lacks('binfmt-arm64'))('builds for arm64 too', async () => {
    await using workspace = await temporaryDirectory()
    const { layout, digest, platform } = await build(workspace.path, `${from()}RUN uname -m > /machine\n`, {
      platform: 'linux/arm64',
    })
    const { config, files } = await readImage({ layout, digest })
    expect(platform).toBe('linux/arm64')
    expect(config).toMatchObject({ os: 'linux', architecture: 'arm64' })
    expect(files['machine']?.text).toBe('aarch64\n')
  })

  test('what cannot be run here is refused with the line, before anything is pulled', async () => {
    await using workspace = await temporaryDirectory()
    const before = (await registry.requests()).length
    const inputs = { platform: 'linux/mips64le', preflight: 'off' }
    await expect(build(workspace.path, `${from()}RUN true\n`, inputs)).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(/^Dockerfile:2: RUN true has to run on linux\/mips64le, and on this .* register/),
    })
    expect((await registry.requests()).length).toBe(before)
  })

  test('what would be built wrong is told before what cannot be run here', async () => {
    await using workspace = await temporaryDirectory()
    await expect(build(workspace.path, `${from()}RUN true\n`, { platform: 'linux/mips64le' })).rejects.toMatchObject({
      kind: 'preflight',
      message: expect.stringMatching(/^Dockerfile:1: .*\[base-platform-missing/),
    })
  })

  test('a command that fails is the build’s failure, with its last words', async () => {
    await using workspace = await temporaryDirectory()
    const failure = build(workspace.path, `${from()}RUN echo connection refused: no luck >&2; exit 42\n`)
    await expect(failure).rejects.toMatchObject({
      kind: 'build',
      message: expect.stringMatching(/exit status 42 \(its last line: connection refused: no luck\)$/),
    })
    expect((await readdir(workspace.path)).sort()).toEqual(['.home', 'Dockerfile'])
  })

  test('an executor that dies half-way leaves no layout', async () => {
    await using workspace = await temporaryDirectory()
    const marker = `sleep ${1_000_000 + process.pid}`
    const failure = build(workspace.path, `${from()}RUN exec ${marker}\n`)
    const killing = killParentOf(marker)
    await expect(failure).rejects.toMatchObject({ kind: 'build', message: expect.stringMatching(/was killed/) })
    await killing
    expect((await readdir(workspace.path)).sort()).toEqual(['.home', 'Dockerfile'])
    expect(await processesOn(workspace.path)).toEqual([])
  })

  test('the machine is out of reach of what the Dockerfile runs', async () => {
    await using workspace = await temporaryDirectory()
    const { layout, digest } = await build(
      workspace.path,
      `${from()}RUN mkdir -p /escape/x && for d in 1 2 3 4 5 6 7 8; do cd ..; done; ls -a / > /root.txt
RUN (chroot /escape/x /bin/true; cd ../../../../../..; ls) > /outside.txt 2>&1 || true
RUN mknod /disk b 254 0 && (head -c 1 /disk > /dev/null 2>&1 && echo read || echo denied) > /device.txt; rm -f /disk
RUN (mount -t tmpfs none /tmp 2>&1 && echo mounted || echo denied) | tail -n 1 > /mount.txt
RUN (echo x > /proc/sys/kernel/core_pattern && echo written || echo denied) 2> /dev/null > /sysctl.txt
RUN (touch /kaniko/buildcontext/x && echo written || echo denied) 2> /dev/null > /context.txt
RUN ls /proc | grep -c '^[0-9]' > /processes.txt
`,
    )
    const { files } = await readImage({ layout, digest })
    const { 'root.txt': root, 'outside.txt': outside } = files
    for (const listing of [root, outside]) expect(listing?.text).not.toMatch(/^(work|boot|home)$/m)
    expect(files['device.txt']?.text).toBe('denied\n')
    expect(files['mount.txt']?.text).toBe('denied\n')
    expect(files['sysctl.txt']?.text).toBe('denied\n')
    expect(files['context.txt']?.text).toBe('denied\n')
    expect(Number(files['processes.txt']?.text)).toBeLessThan(10)
  })

  test('registry failures have their own kinds', async () => {
    await using workspace = await temporaryDirectory()
    await expect(build(workspace.path, `FROM ${registry.host}/nothing:1\nRUN true\n`)).rejects.toMatchObject({
      kind: 'registry',
    })
    await expect(build(workspace.path, 'FROM 127.0.0.1:1/nothing:1\nRUN true\n')).rejects.toMatchObject({
      kind: 'registry',
    })
  })

  test('caches in a repository of the platform', async () => {
    await using workspace = await temporaryDirectory()
    const inputs = { 'cache-repo': `${registry.host}/cache` }
    const dockerfile = `${from()}RUN cat /proc/sys/kernel/random/uuid > /once\n`
    const once = async (): Promise<string | undefined> => {
      const { layout, digest } = await build(workspace.path, dockerfile, inputs)
      return (await readImage({ layout, digest })).files['once']?.text
    }
    const first = await once()
    expect(first).toMatch(/^[0-9a-f-]{36}\n$/)
    expect(await once()).toBe(first)
    expect((await registry.requests()).join('\n')).toMatch(/PUT \/v2\/cache\/linux-\w+\/manifests\//)
  })
})

describe.skipIf(lacks('kaniko-1.25.15', jailUser, 'docker-registry', 'skopeo', 'busybox-amd64'))(
  'with a registry that asks who it is',
  () => {
    test('has the login of the base image’s registry, and says when there is none', async () => {
      await using registry = await startBaseRegistry({ auth: 'htpasswd', platforms: ['linux/amd64'] })
      const { username, password } = registry.login!
      await using workspace = await temporaryDirectory()
      const dockerfile = `FROM ${registry.base}\nLABEL a=b\n`
      const inputs = { platform: 'linux/amd64' }
      const auth = `${registry.host}=${username}:${password}\nghcr.io=other:unneeded`
      await expect(build(workspace.path, dockerfile, { ...inputs, 'registry-auth': auth })).resolves.toBeDefined()
      await expect(build(workspace.path, dockerfile, inputs)).rejects.toMatchObject({ kind: 'denied' })
      const wrong = `${registry.host}=${username}:wrong`
      await expect(build(workspace.path, dockerfile, { ...inputs, 'registry-auth': wrong })).rejects.toMatchObject({
        kind: 'denied',
        message: expect.not.stringContaining(password),
      })
    })
  },
)
