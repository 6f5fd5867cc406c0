// kaniko-build as a process of its own: as an ordinary user, and ended from outside.
import { execFile } from 'node:child_process'
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import {
  type BaseRegistry,
  lacks,
  listMounts,
  listProcesses,
  ordinaryUser,
  partPath,
  type StepOptions,
  startBaseRegistry,
  startStep,
  temporaryDirectory,
} from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const run = promisify(execFile)

const main = join(import.meta.dirname, 'main.ts')
const isRoot = process.getuid?.() === 0
const jailUser = isRoot ? 'root' : 'user-namespaces'

/** Builds the workspace with the executor in it. */
const start = (workspace: string, flags: readonly string[] = [], options: StepOptions = {}) =>
  startStep(
    main,
    workspace,
    [`--executor=${join(workspace, '.executor')}`, '--layout=out', '--json', ...flags],
    options,
  )

/** Whether a process with exactly this command line is running. */
const isRunning = async (line: string): Promise<boolean> =>
  (await listProcesses()).some(({ commandLine }) => commandLine === line)

const until = async (condition: () => Promise<boolean>): Promise<void> => {
  while (!(await condition())) await delay(25)
}

const listAll = async (workspace: string): Promise<string[]> => (await readdir(workspace)).sort()

const parts = ['kaniko-1.25.15', 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'] as const

describe.skipIf(lacks(...parts))('kaniko-build', () => {
  let registry: BaseRegistry

  beforeAll(async () => {
    registry = await startBaseRegistry()
  })
  afterAll(() => registry.stop())

  /** A workspace that the builder may write to, with the Dockerfile and a copy of the executor. */
  const withWorkspace = async (
    owner: string | undefined,
    dockerfile: string,
    work: (workspace: string) => Promise<void>,
  ): Promise<void> => {
    await using directory = await temporaryDirectory()
    const workspace = join(directory.path, 'workspace')
    await mkdir(workspace)
    await chmod(directory.path, 0o755)
    await writeFile(join(workspace, 'Dockerfile'), `FROM ${registry.base}\n${dockerfile}`)
    await run('cp', ['--reflink=auto', partPath('kaniko-1.25.15'), join(workspace, '.executor')])
    if (owner !== undefined) await run('chown', ['-R', `${owner}:`, workspace])
    await work(workspace)
  }

  describe.skipIf(lacks('user-namespaces'))('as an ordinary user', () => {
    const owner = isRoot ? ordinaryUser : undefined

    const platforms: readonly string[] = ['', ...(lacks('binfmt-arm64') ? [] : ['linux/arm64'])]

    test.each(platforms)('builds for its own or another platform (%s), with files of other users', async (platform) => {
      const flags = platform === '' ? [] : [`--platform=${platform}`]
      const dockerfile = 'RUN echo x > /other && chown 1234:4321 /other && mkdir -m 0500 /locked && touch /locked/x\n'
      await withWorkspace(owner, dockerfile, async (workspace) => {
        const { code, stdout, stderr } = await start(workspace, flags, { ordinary: true }).ended
        expect(stderr).not.toContain('subordinate ids')
        expect({ code, stderr }).toMatchObject({ code: 0 })
        const { layout, digest } = JSON.parse(stdout) as { layout: string; digest: string }
        const { stdout: manifest } = await run(partPath('skopeo'), ['inspect', '--raw', `oci:${layout}`])
        const top = (JSON.parse(manifest) as { layers: { digest: string }[] }).layers.at(-1)!
        const layer = join(layout, 'blobs', top.digest.replace(':', '/'))
        const { stdout: listing } = await run('tar', ['--numeric-owner', '-tvzf', layer])
        expect(digest).toMatch(/^sha256:/)
        expect(listing).toMatch(/1234\/4321 .* other$/m)
        expect(listing).toMatch(/^dr-x------ 0\/0 .* locked\/$/m)
        expect(await listAll(workspace)).toEqual(['.executor', '.home', 'Dockerfile', 'out'])
        expect(await listMounts(workspace)).toEqual([])
      })
    })

    test('a failing build leaves nothing either', async () => {
      await withWorkspace(
        owner,
        'RUN mkdir -m 0500 /locked && touch /locked/x && chown 7 /locked && exit 3\n',
        async (workspace) => {
          const { code, stderr } = await start(workspace, [], { ordinary: true }).ended
          expect({ code, stderr }).toMatchObject({ code: 4 })
          expect(await listAll(workspace)).toEqual(['.executor', '.home', 'Dockerfile'])
        },
      )
    })
  })

  describe.skipIf(lacks(jailUser))('that is ended from outside', () => {
    const marker = (test: number): string => `sleep ${2_000_000 + process.pid * 10 + test}`

    test.each([
      ['SIGTERM', 143, 1],
      ['SIGINT', 130, 2],
    ] as const)('%s stops the executor and leaves nothing', async (signal, expected, number) => {
      const line = marker(number)
      await withWorkspace(undefined, `RUN exec ${line}\n`, async (workspace) => {
        const { process: child, ended } = start(workspace)
        await until(() => isRunning(line))
        child.kill(signal)
        const { code, stderr } = await ended
        expect({ code, stderr }).toMatchObject({ code: expected })
        expect(await isRunning(line)).toBe(false)
        expect(await listAll(workspace)).toEqual(['.executor', '.home', 'Dockerfile'])
        expect(await listMounts(workspace)).toEqual([])
      })
    })

    test('SIGKILL stops the executor, and the next run removes what was left', async () => {
      const line = marker(3)
      await withWorkspace(undefined, `RUN exec ${line}\n`, async (workspace) => {
        const { process: child, ended } = start(workspace)
        await until(() => isRunning(line))
        child.kill('SIGKILL')
        await ended
        await until(async () => !(await isRunning(line)))
        expect(await readdir(join(workspace, '.polyarch/work'))).toHaveLength(1)
        await writeFile(join(workspace, 'Dockerfile'), `FROM ${registry.base}\nLABEL a=b\n`)
        const { code, stderr } = await start(workspace).ended
        expect({ code, stderr }).toMatchObject({ code: 0 })
        expect(await listAll(workspace)).toEqual(['.executor', '.home', 'Dockerfile', 'out'])
      })
    })
  })
})
