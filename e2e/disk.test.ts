// A disk that is full and files that may not be read: one line that names the file, and nothing half written.
import { execFile } from 'node:child_process'
import { chmod, copyFile, cp, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openLayout } from '@polyarch/layout'
import {
  asOrdinaryUser,
  lacks,
  ordinaryUser,
  pushSampleImage,
  type RunningRegistry,
  repositoryRoot,
  sampleImage,
  startRegistry,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CommandEnd, runCommand } from './command.ts'
import { readTags } from './plain-reader.ts'

const run = promisify(execFile)

const image = sampleImage({ os: 'linux', architecture: 'amd64' }, [Buffer.alloc(4_000_000, 'x')])
const blob = image.layers[0]?.descriptor.digest.slice('sha256:'.length) ?? ''

describe.skipIf(lacks('root', 'docker-registry', 'user-namespaces'))('polyarch', () => {
  let registry: RunningRegistry
  let directory: TemporaryDirectory
  let full: string

  const polyarch = (args: readonly string[], ordinary = false): Promise<CommandEnd> => {
    const command = [join(directory.path, 'node'), join(directory.path, 'program/polyarch.js'), ...args] as const
    return runCommand(ordinary ? asOrdinaryUser([...command]) : [...command], { directory: directory.path })
  }
  const push = (layout: string, record: string): string[] =>
    [
      ['push-digest', '--layout', layout, '--repository', `${registry.host}/disk/${layout}`],
      ['--platform', 'linux/amd64', '--record', record],
    ].flat()
  /** Exactly one line of the log is the error, and the last one. */
  const expectOneLine = ({ log }: CommandEnd, ...words: readonly string[]): void => {
    const lines = log.trim().split('\n')
    expect(lines.at(-1)).toMatch(new RegExp(`^.*error.*${words.join('.*')}`, 'i'))
    expect(log).not.toMatch(/unexpected|caused by| {4}at /)
  }

  beforeAll(async () => {
    registry = await startRegistry()
    directory = await temporaryDirectory('polyarch-disk')
    await chmod(directory.path, 0o755)
    await cp(join(repositoryRoot, 'packages/cli/dist'), join(directory.path, 'program'), { recursive: true })
    await copyFile(join(repositoryRoot, 'node_modules/node/bin/node'), join(directory.path, 'node'))
    for (const layout of ['whole', 'locked'])
      await pushSampleImage(openLayout(join(directory.path, layout)), image, 'v1')
    full = join(directory.path, 'full')
    await mkdir(full)
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', full])
  })
  afterAll(async () => {
    await run('umount', [full])
    await registry.stop()
    await directory[Symbol.asyncDispose]()
  })

  test('leaves nothing of a layer that does not fit', async () => {
    const end = await polyarch(['copy', 'oci:whole:v1', 'oci:full/layout:v1'])
    expect(end.code, end.log).toBe(5)
    expectOneLine(end, blob, 'no room left')
    const left = await readdir(full, { recursive: true, withFileTypes: true })
    expect(left.filter((entry) => entry.isFile()).map(({ name }) => name)).not.toContain(blob)
    expect(left.filter(({ name }) => name.startsWith('.')).map(({ name }) => name)).toEqual([])
    expect(left.some(({ name }) => name === 'index.json')).toBe(false)
  })

  test('leaves nothing of a record that does not fit', async () => {
    const filler = join(full, 'filler')
    await writeFile(filler, Buffer.alloc(2_000_000)).catch(() => undefined)
    const end = await polyarch(push('whole', 'full/record.json'))
    expect(end.code, end.log).toBe(2)
    expectOneLine(end, 'full/record.json', 'no room left')
    expect((await readdir(full)).filter((name) => name.startsWith('record'))).toEqual([])
  })

  test('names the blob that may not be read, and pushes no manifest', async () => {
    const locked = join(directory.path, 'locked/blobs/sha256', blob)
    await run('chown', ['-R', ordinaryUser, join(directory.path, 'locked')])
    await chmod(locked, 0o000)
    const end = await polyarch(push('locked', `/tmp/${ordinaryUser}-record.json`), true)
    expect(end.code, end.log).toBe(2)
    expectOneLine(end, blob, 'no permission to read')
    const { digest } = image.manifest.descriptor
    const found = await fetch(`http://${registry.host}/v2/disk/locked/manifests/${digest}`, { method: 'HEAD' })
    expect(found.status).toBe(404)
    expect(await readTags(registry.host, 'disk/locked')).toEqual({})
  })

  test('names the record that may not be written', async () => {
    const end = await polyarch(push('whole', 'locked-folder/record.json'), true)
    expect(end.code, end.log).toBe(2)
    expectOneLine(end, 'locked-folder/record.json', 'EACCES')
  })
})
