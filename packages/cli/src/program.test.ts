// The polyarch command as a person meets it: help, typing errors, --json, and copy.
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lacks, partPath, startRegistry, temporaryDirectory, writeBaseImage } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'

interface End {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const entry = join(import.meta.dirname, 'main.ts')

const polyarch = (args: readonly string[], directory = '/'): Promise<End> =>
  new Promise((settle) => {
    const environment = { PATH: process.env['PATH'], HOME: '/nonexistent' }
    const options = { cwd: directory, env: environment, encoding: 'utf8' as const }
    execFile(process.execPath, ['--conditions=@polyarch/source', entry, ...args], options, (error, stdout, stderr) =>
      settle({ code: typeof error?.code === 'number' ? error.code : error ? 1 : 0, stdout, stderr }),
    )
  })

describe('a person who types', () => {
  test('polyarch --help: every command is listed with what it does', async () => {
    const { code, stdout } = await polyarch(['--help'])
    expect(code).toBe(0)
    for (const name of [
      'run',
      'detect-arch',
      'kaniko-build',
      'extend-image',
      'push-digest',
      'merge-manifest',
      'report',
      'copy',
    ])
      expect(stdout).toMatch(new RegExp(`^  ${name} .*\\S`, 'm'))
  })

  test('a command that does not exist: exit 2 and the nearest one', async () => {
    const { code, stderr } = await polyarch(['push-digset'])
    expect(code).toBe(2)
    expect(stderr).toContain('push-digest')
  })

  test('a flag that does not exist: exit 2 and the nearest one', async () => {
    const { code, stderr } = await polyarch(['push-digest', '--layuot', 'x'])
    expect(code).toBe(2)
    expect(stderr).toBe("error: unknown option '--layuot'\n(Did you mean --layout?)\n")
  })

  test.each([
    [['preflight', 'x', '--engine-version', 'newest'], 'input engine-version: expected a version'],
    [
      ['kaniko-build', '--platform', 'linux/amd65'],
      'input platform: unknown platform "linux/amd65": did you mean linux/amd64?',
    ],
    [['copy', 'oci:from', 'oci:to'], 'input source: "oci:from" names no content: add :TAG or @DIGEST'],
    [['copy', 'oci:from:1', 'oci:to:a b'], 'input destination: invalid reference "oci:to:a b": "a b" is not a tag'],
  ])('%j: exit 2, and the input is named', async (args, message) => {
    const { code, stderr } = await polyarch(args)
    expect(code).toBe(2)
    expect(stderr).toContain(`error: ${message}`)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  })

  test('flags with one hyphen, as Go’s programs take them', async () => {
    const { code, stderr } = await polyarch(['extend-image', '-platform-api', '0.13', '-kind=other'])
    expect({ code, stderr }).toEqual({ code: 3, stderr: 'error: input kind: expected build or run, found "other"\n' })
  })

  test('a required input that is missing: exit 2, and the input is named', async () => {
    const { code, stderr } = await polyarch(['push-digest'])
    expect(code).toBe(2)
    expect(stderr).toContain('input layout is required')
  })

  test('a flag given twice that takes one value', async () => {
    const { code, stderr } = await polyarch(['push-digest', '--layout', 'a', '--layout', 'b'])
    expect(code).toBe(2)
    expect(stderr).toContain('input layout: given more than once')
  })

  test('--json: stdout is one JSON object and nothing else', async () => {
    await using directory = await temporaryDirectory()
    await writeFile(join(directory.path, 'Dockerfile'), 'FROM scratch\nCOPY x /\n')
    const args = ['detect-arch', '--context', '.', '--platforms', 'linux/amd64,linux/arm64', '--image', 'web', '--json']
    const { code, stdout, stderr } = await polyarch(args, directory.path)
    expect(code, stderr).toBe(0)
    expect(JSON.parse(stdout).matrix.include.map(({ leg }: { leg: string }) => leg)).toEqual([
      'web.linux-amd64',
      'web.linux-arm64',
    ])
    expect(stderr).toContain('linux/arm64')
  })
})

const rootIndex = async (layout: string, tag: string) => {
  const { manifests } = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')) as {
    manifests: { digest: string; annotations?: Record<string, string> }[]
  }
  const digest = manifests.find((entry) => entry.annotations?.['org.opencontainers.image.ref.name'] === tag)?.digest
  if (digest === undefined) return undefined
  const blob = await readFile(join(layout, 'blobs/sha256', digest.replace('sha256:', '')), 'utf8')
  return { digest, platforms: JSON.parse(blob).manifests.map(({ platform }: never) => platform) as unknown[] }
}

const user = process.getuid?.() === 0 ? 'root' : 'user-namespaces'

test.skipIf(lacks('kaniko-1.25.15', user))('polyarch run names a leg once in each line', async () => {
  await using directory = await temporaryDirectory()
  await writeFile(join(directory.path, 'Dockerfile'), 'FROM scratch\nCOPY Dockerfile /\n')
  const inputs = ['--image', 'web', '--to', 'oci:out', '--executor', partPath('kaniko-1.25.15'), '--launcher', 'jail']
  const { code, stderr } = await polyarch(['run', '--platforms', 'linux/amd64', ...inputs], directory.path)
  expect(code, stderr).toBe(0)
  expect(stderr).toContain('web.linux-amd64: kaniko finished after ')
  expect(stderr).not.toMatch(/^(\S+): (?:merge: )?\1: /m)
})

describe.skipIf(lacks('busybox-amd64', 'busybox-arm64', 'docker-registry'))('polyarch copy', () => {
  test('directory to registry and back: the digest stays, every blob arrives', async () => {
    await using registry = await startRegistry()
    await using directory = await temporaryDirectory()
    const digest = await writeBaseImage(join(directory.path, 'from'))
    const there = await polyarch(['copy', 'oci:from:latest', `${registry.host}/base:1`], directory.path)
    expect(there.code, there.stderr).toBe(0)
    const back = await polyarch(['copy', `${registry.host}/base:1`, 'oci:to:again', '--json'], directory.path)
    expect(back.code, back.stderr).toBe(0)
    expect(JSON.parse(back.stdout).digest).toBe(digest)
    expect((await rootIndex(join(directory.path, 'to'), 'again'))?.digest).toBe(digest)
  })

  test('chosen platforms of an index: only these arrive', async () => {
    await using directory = await temporaryDirectory()
    await writeBaseImage(join(directory.path, 'from'))
    const args = ['copy', 'oci:from:latest', 'oci:to:arm', '--platforms', 'linux/arm64/v8']
    const { code, stderr } = await polyarch(args, directory.path)
    expect(code, stderr).toBe(0)
    expect((await rootIndex(join(directory.path, 'to'), 'arm'))?.platforms).toEqual([
      { architecture: 'arm64', os: 'linux' },
    ])
  })

  test('a platform that the index lacks: exit 2, and nothing is written', async () => {
    await using directory = await temporaryDirectory()
    await writeBaseImage(join(directory.path, 'from'))
    const args = ['copy', 'oci:from:latest', 'oci:to:x', '--platforms', 'linux/s390x']
    const { code, stderr } = await polyarch(args, directory.path)
    expect(code).toBe(2)
    expect(stderr).toContain('linux/s390x')
    await expect(readFile(join(directory.path, 'to/index.json'))).rejects.toThrow()
  })

  test('a source that does not exist: exit 2, and the source is named', async () => {
    await using registry = await startRegistry()
    const { code, stderr } = await polyarch(['copy', `${registry.host}/none:1`, 'oci:/tmp/never:1'])
    expect(code).toBe(2)
    expect(stderr).toContain(`${registry.host}/none:1`)
  })
})
