// One push and merge of a fresh image through a broken line: what is set up, what is run, what must hold afterwards.
import { randomBytes } from 'node:crypto'
import { cp, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { openLayout } from '@polyarch/layout'
import {
  pushSampleImage,
  repositoryRoot,
  sampleImage,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@polyarch/parts'
import { execa } from 'execa'
import { expect } from 'vitest'
import { readTags, readWhole } from './plain-reader.ts'

/** How long a command may take: six refusals of one request in a row are half a minute of pauses, and each may be unlucky. */
const patience = 150_000

/** Where a command went: its exit code, 137 where it was killed, and all that it said. */
export interface FaultyEnd {
  readonly code: number
  readonly log: string
}

const architectures = ['amd64', 'arm64'] as const
const tags = ['v1', 'v2', 'latest'] as const

export interface FaultScene extends AsyncDisposable {
  /** The repositories' names: what is merged is in both afterwards. */
  readonly names: readonly string[]
  /** The commands of the whole job, each of which may be run again at any time. */
  readonly pushes: readonly (readonly string[])[]
  readonly merge: readonly string[]
  /** Runs a command of Polyarch, and kills it after so many milliseconds where that is said. */
  run(command: readonly string[], killAfter?: number): Promise<FaultyEnd>
  /** Every tag is as it was, or all that it names is there; tags moved in order; no file is left that is not asked for. */
  expectNothingHalf(): Promise<void>
  /** All tags of all repositories are the index. */
  expectAllDone(): Promise<void>
}

const node = join(repositoryRoot, 'node_modules/node/bin/node')

/** What a command that was killed may leave behind: a document that it was about to put in its place. */
const draft = /^(?:records\/)?\w+\.json\.[\w-]+\.tmp$/

/** A copy of the bundle that stays what it is while a long run goes on. */
export const copyProgram = async (): Promise<TemporaryDirectory> => {
  const directory = await temporaryDirectory('polyarch-program')
  await cp(join(repositoryRoot, 'packages/cli/dist'), directory.path, { recursive: true })
  return directory
}

/**
 * Writes layouts of an image for two platforms, and puts an older image under the first tag.
 * `program` is the bundle's directory, `registry` is where the registry is, `line` where commands reach it.
 */
export const openFaultScene = async (program: string, registry: string, line: string): Promise<FaultScene> => {
  const directory: TemporaryDirectory = await temporaryDirectory('polyarch-fault')
  const name = `fault/${randomBytes(6).toString('hex')}`
  const names = [name, `${name}-copy`]
  await mkdir(join(directory.path, 'tmp'))
  const shared = randomBytes(120_000)
  for (const architecture of architectures) {
    const image = sampleImage({ os: 'linux', architecture }, [shared, randomBytes(300_000), randomBytes(2_000)])
    await pushSampleImage(openLayout(join(directory.path, architecture)), image, 'latest')
  }
  const older = sampleImage({ os: 'linux', architecture: 'amd64' }, [randomBytes(1_000)])
  await pushSampleImage(openLayout(join(directory.path, 'older')), older, 'v1')

  let killed = false
  const run = async (command: readonly string[], killAfter?: number): Promise<FaultyEnd> => {
    const result = await execa(node, [join(program, 'polyarch.js'), ...command], {
      cwd: directory.path,
      env: { PATH: process.env['PATH'] ?? '', HOME: directory.path, TMPDIR: join(directory.path, 'tmp') },
      extendEnv: false,
      stdin: 'ignore',
      all: true,
      reject: false,
      killSignal: 'SIGKILL',
      // Nothing may hang, whatever the line does.
      timeout: killAfter ?? patience,
    })
    if (killAfter !== undefined && result.signal === 'SIGKILL') killed = true
    return { code: result.exitCode ?? (result.signal === 'SIGKILL' ? 137 : 1), log: result.all ?? '' }
  }

  for (const each of names) {
    const { code, log } = await run(['copy', 'oci:older:v1', `${registry}/${each}:v1`])
    expect(code, log).toBe(0)
  }
  const before = await readTags(registry, name)

  const readMoved = async (repository: string): Promise<Set<string>> => {
    const after = await readTags(registry, repository)
    const moved = tags.filter((tag) => after[tag] !== before[tag])
    expect(moved, `the tags that moved in ${repository} are the first ones`).toEqual(tags.slice(0, moved.length))
    expect(Object.keys(after).every((tag) => (tags as readonly string[]).includes(tag))).toBe(true)
    const digests = new Set(moved.map((tag) => after[tag] ?? 'none'))
    for (const digest of digests)
      expect(await readWhole(registry, repository, digest)).toEqual(architectures.map((name) => `linux/${name}`))
    expect(digests.size, 'one index only').toBeLessThanOrEqual(1)
    return digests
  }

  return {
    names,
    pushes: architectures.map((architecture) =>
      [
        ['push-digest', '--layout', architecture, '--repository', `${line}/${name}`],
        ['--platform', `linux/${architecture}`, '--record', `records/${architecture}.json`],
      ].flat(),
    ),
    merge: [
      ['merge-manifest', '--records', 'records', '--result', 'result.json', '--tags', tags.join(',')],
      names.flatMap((each) => ['--repository', `${line}/${each}`]),
      ['--platforms', architectures.map((architecture) => `linux/${architecture}`).join(',')],
    ].flat(),
    run,

    expectNothingHalf: async () => {
      const digests = new Set<string>()
      for (const each of names) for (const digest of await readMoved(each)) digests.add(digest)
      expect(digests.size, 'the same index in all repositories').toBeLessThanOrEqual(1)
      const files = await readdir(directory.path, { recursive: true, withFileTypes: true })
      const left = files
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(directory.path.length + 1))
        .filter((path) => !/^(?:amd64|arm64|older)\/(?:oci-layout|index\.json|blobs\/sha256\/[0-9a-f]{64})$/.test(path))
        .filter((path) => !['records/amd64.json', 'records/arm64.json', 'result.json'].includes(path))
        .filter((path) => !(killed && draft.test(path)))
      expect(left).toEqual([])
    },

    expectAllDone: async () => {
      const found = await Promise.all(names.map((each) => readTags(registry, each)))
      for (const repository of found) {
        expect(Object.keys(repository).toSorted()).toEqual([...tags].toSorted())
        expect(new Set([...Object.values(repository), found[0]?.['v1']]).size).toBe(1)
      }
    },

    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  }
}
