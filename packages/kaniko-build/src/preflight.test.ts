// The preflight of kaniko-build on a real executor and a real registry: what is refused, told and allowed.
import { execFile } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { type Host, openHost, parseInputs, type RawInputs } from '@polyarch/ci-host'
import { hostPlatform } from '@polyarch/engine'
import { type BaseRegistry, lacks, partPath, startBaseRegistry, temporaryDirectory } from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { step } from './step.ts'

const run = promisify(execFile)

const files = { Dockerfile: '', file: 'x\n', 'data/kept': 'x\n', 'data/private.key': 'secret\n' }

/** Builds in a workspace of its own; gives the warnings, with their places, and what is in the workspace afterwards. */
const build = async (dockerfile: string, raw: RawInputs = {}) => {
  await using workspace = await temporaryDirectory()
  for (const [name, content] of Object.entries({ ...files, Dockerfile: dockerfile })) {
    await mkdir(dirname(join(workspace.path, name)), { recursive: true })
    await writeFile(join(workspace.path, name), content)
  }
  const warnings: string[] = []
  const host = openHost({ PATH: process.env['PATH'], HOME: join(workspace.path, '.home') }, workspace.path)
  const log: Host['log'] = { ...host.log, warning: (message) => warnings.push(message) }
  const inputs = parseInputs(step, { executor: partPath('kaniko-1.25.15'), layout: 'out', ...raw })
  const error = await step.run(inputs, Object.assign(Object.create(host) as Host, { log })).then(
    () => undefined,
    (reason: unknown) => reason as { readonly kind: string; readonly message: string },
  )
  return { error, warnings, left: await readdir(workspace.path) }
}

const wrong = `FROM scratch AS unreached
COPY --parents file /
FROM scratch
COPY --exclude=*.key data /data/
ADD --checksum=sha256:${'0'.repeat(64)} http://127.0.0.1:1/x /
`

const excluded =
  'Dockerfile:4: COPY --exclude (--exclude=*.key): with kaniko 1.25.15 (chainguard), silently: what is excluded is copied; instead: a .dockerignore, or engine buildkit [copy-exclude]'

const jailUser = process.getuid?.() === 0 ? 'root' : 'user-namespaces'

describe.skipIf(lacks('kaniko-1.25.15', jailUser))('the preflight', () => {
  test('lists every finding in what the target reaches, and nothing is built', async () => {
    const { error, left } = await build(wrong)
    expect(error?.kind).toBe('preflight')
    expect(error?.message.split('\n')).toEqual([
      excluded,
      expect.stringMatching(/^Dockerfile:5: ADD --checksum .* never verified; instead: .* \[add-checksum\]$/),
    ])
    expect(left).not.toContain('out')
  })

  test('counts what another target reaches', async () => {
    const { error } = await build(wrong, { target: 'unreached' })
    expect(error?.message).toMatch(/^Dockerfile:2: COPY --parents[^\n]*$/)
  })

  test('only warns where it is told to, and the image is built', async () => {
    const dockerfile = 'FROM scratch\nFROM scratch\n\nCOPY --exclude=*.key data /data/\n'
    const { error, warnings, left } = await build(dockerfile, { preflight: 'warn' })
    expect(error).toBeUndefined()
    expect(warnings).toContain(excluded)
    expect(left).toContain('out')
  })

  test('says nothing where it is off', async () => {
    const { error, warnings } = await build('FROM scratch\nCOPY --exclude=*.key data /data/\n', { preflight: 'off' })
    expect(error).toBeUndefined()
    expect(warnings).toEqual([])
  })

  test('lets a finding through that is allowed by name, and says the reason', async () => {
    const dockerfile = 'FROM scratch\nCOPY --exclude=*.key data /data/\n'
    const { error, warnings } = await build(dockerfile, { allow: 'copy-exclude=nothing secret there' })
    expect(error).toBeUndefined()
    expect(warnings).toEqual([expect.stringMatching(/allowed: nothing secret there \[copy-exclude\]$/)])
  })

  test('refuses the others nevertheless', async () => {
    const { error } = await build(wrong, { allow: 'copy-exclude=nothing secret there' })
    expect(error).toMatchObject({ kind: 'preflight', message: expect.stringMatching(/^Dockerfile:5: [^\n]*$/) })
  })

  test('knows the names of findings', async () => {
    const { error } = await build('FROM scratch\nCOPY file /\n', { allow: 'copy-exlude=x' })
    expect(error).toMatchObject({ kind: 'input', message: expect.stringContaining('"copy-exlude"') })
  })
})

describe.skipIf(lacks('kaniko-1.25.15', jailUser, 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'))(
  'the preflight of a base image',
  () => {
    let registry: BaseRegistry
    const { architecture } = hostPlatform()
    const other = `linux/${architecture === 'arm64' ? 'amd64' : 'arm64'}`

    beforeAll(async () => {
      registry = await startBaseRegistry()
      // Without --all, skopeo takes one image out of the index.
      const access = ['--src-tls-verify=false', '--dest-tls-verify=false', `docker://${registry.base}`]
      await run(partPath('skopeo'), [
        `--override-arch=${architecture}`,
        'copy',
        ...access,
        `docker://${registry.host}/single:1`,
      ])
    })
    afterAll(() => registry.stop())

    test('refuses one that is for one other platform only', async () => {
      const { error } = await build(`FROM ${registry.host}/single:1\nCOPY file /\n`, { platform: other })
      expect(error).toMatchObject({
        kind: 'preflight',
        message: expect.stringMatching(/^Dockerfile:1: .*single:1 has linux\/\w+, not .* \[base-single-platform\]$/),
      })
    })

    test('refuses one that lacks the platform, and nothing of it is pulled', async () => {
      const before = (await registry.requests()).length
      const { error } = await build(`FROM ${registry.base}\nCOPY file /\n`, { platform: 'linux/s390x' })
      expect(error).toMatchObject({ kind: 'preflight', message: expect.stringContaining('[base-platform-missing]') })
      expect((await registry.requests()).slice(before).join('\n')).not.toContain('/blobs/')
    })

    test('takes one that has the platform', async () => {
      expect((await build(`FROM ${registry.base}\nCOPY file /\n`, { platform: other })).error).toBeUndefined()
    })

    test('does not look at one that the target does not reach', async () => {
      const dockerfile = `FROM ${registry.host}/single:1 AS unreached\nFROM ${registry.base}\nCOPY file /\n`
      const { error } = await build(dockerfile, { platform: other, 'engine-args': '--skip-unused-stages' })
      expect(error?.kind).not.toBe('preflight')
    })

    test('leaves one that cannot be looked up to the engine, and says so', async () => {
      const { error, warnings } = await build(`FROM ${registry.host}/nothing:1\nCOPY file /\n`)
      expect(error?.kind).toBe('registry')
      expect(warnings).toContainEqual(expect.stringMatching(/nothing:1 was not checked: /))
    })
  },
)
