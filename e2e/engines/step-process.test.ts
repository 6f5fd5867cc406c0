// buildah-build and buildkit-build as processes: as an ordinary user, with secrets in the log, and ended from outside.
import { execFile } from 'node:child_process'
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  type BaseRegistry,
  lacks,
  listMounts,
  ordinaryUser,
  readImage,
  repositoryRoot,
  type StepOptions,
  startBaseRegistry,
  startStep,
  temporaryDirectory,
} from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestedEngine } from './buildah-and-buildkit.ts'
import { pathFor } from './engine-build.ts'
import { awaitEnded, awaitRunning, findRunning, uniqueSleep } from './running-command.ts'

const run = promisify(execFile)

const isRoot = process.getuid?.() === 0

const listAll = async (workspace: string): Promise<string[]> => (await readdir(workspace)).sort()

/** Declares the tests of the engine's step. */
const testProcess = (engine: TestedEngine['name']): void => {
  const main = join(repositoryRoot, 'packages', `${engine}-build`, 'src/main.ts')
  const start = (workspace: string, flags: readonly string[] = [], { ordinary = false, env = {} }: StepOptions = {}) =>
    startStep(main, workspace, ['--layout=out', '--json', ...flags], {
      ordinary,
      env: { PATH: pathFor(engine), ...env },
    })

  let registry: BaseRegistry

  beforeAll(async () => {
    registry = await startBaseRegistry()
  })
  afterAll(() => registry.stop())

  /** A workspace with the Dockerfile, which the user who builds may write to. */
  const withWorkspace = async (
    ordinary: boolean,
    dockerfile: string,
    work: (workspace: string) => Promise<void>,
  ): Promise<void> => {
    await using directory = await temporaryDirectory()
    const workspace = join(directory.path, 'workspace')
    await mkdir(workspace)
    await chmod(directory.path, 0o755)
    await writeFile(join(workspace, 'Dockerfile'), `FROM ${registry.base}\n${dockerfile}`)
    if (ordinary && isRoot) await run('chown', ['-R', `${ordinaryUser}:`, workspace])
    await work(workspace)
  }

  describe.skipIf(lacks('user-namespaces'))('as an ordinary user', () => {
    const platforms: readonly string[] = ['', ...(lacks('binfmt-arm64') ? [] : ['linux/arm64'])]

    test.each(platforms)('builds for its own or another platform (%s), with files of other users', async (platform) => {
      const dockerfile = 'RUN echo x > /other && chown 1234:4321 /other && mkdir -m 0500 /locked && touch /locked/x\n'
      await withWorkspace(true, dockerfile, async (workspace) => {
        const flags = platform === '' ? [] : [`--platform=${platform}`]
        const { code, stdout, stderr } = await start(workspace, flags, { ordinary: true }).ended
        expect({ code, stderr }).toMatchObject({ code: 0 })
        const { files } = await readImage(JSON.parse(stdout) as { layout: string; digest: string })
        expect(files).toMatchObject({ other: { text: 'x\n', owner: '1234:4321' }, 'locked/x': { owner: '0:0' } })
        expect(await listAll(workspace)).toEqual(['Dockerfile', 'out'])
        expect(await listMounts(workspace)).toEqual([])
      })
    })

    test('a failing build leaves nothing either', async () => {
      const dockerfile = 'RUN mkdir -m 0500 /locked && touch /locked/x && chown 7 /locked\nRUN exit 3\n'
      await withWorkspace(true, dockerfile, async (workspace) => {
        const { code, stderr } = await start(workspace, [], { ordinary: true }).ended
        expect({ code, stderr }).toMatchObject({ code: 4 })
        expect(await listAll(workspace)).toEqual(['Dockerfile'])
      })
    })
  })

  describe.skipIf(lacks(isRoot ? 'root' : 'user-namespaces'))('as this user', () => {
    test('what a command prints of a secret does not reach the log', async () => {
      const dockerfile = 'RUN --mount=type=secret,id=token echo "token: $(cat /run/secrets/token)"\n'
      await withWorkspace(false, dockerfile, async (workspace) => {
        const env = { INPUT_SECRETS: 'token=correct horse battery' }
        const { code, stdout, stderr } = await start(workspace, [], { env }).ended
        expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('token: ***') })
        expect(stdout + stderr).not.toContain('battery')
      })
    })

    test.each([
      ['SIGTERM', 143],
      ['SIGINT', 130],
    ] as const)('%s stops the build and leaves nothing', async (signal, expected) => {
      const line = uniqueSleep()
      await withWorkspace(false, `RUN exec ${line}\n`, async (workspace) => {
        const { process: child, ended } = start(workspace)
        await awaitRunning(line)
        child.kill(signal)
        const { code, stderr } = await ended
        expect({ code, stderr }).toMatchObject({ code: expected })
        expect(await findRunning(line)).toBeUndefined()
        expect(await listAll(workspace)).toEqual(['Dockerfile'])
        expect(await listMounts(workspace)).toEqual([])
      })
    })

    test('SIGKILL stops the build, and the next run removes what was left', async () => {
      const line = uniqueSleep()
      await withWorkspace(false, `RUN exec ${line}\n`, async (workspace) => {
        const { process: child, ended } = start(workspace)
        await awaitRunning(line)
        child.kill('SIGKILL')
        await ended
        await awaitEnded(line)
        expect(await readdir(join(workspace, '.polyarch/work'))).toHaveLength(1)
        await writeFile(join(workspace, 'Dockerfile'), `FROM ${registry.base}\nLABEL a=b\n`)
        const { code, stderr } = await start(workspace).ended
        expect({ code, stderr }).toMatchObject({ code: 0 })
        expect(await listAll(workspace)).toEqual(['Dockerfile', 'out'])
      })
    })
  })
}

describe.skipIf(lacks('buildah', 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'))('buildah-build', () =>
  testProcess('buildah'),
)

describe.skipIf(lacks('buildkit', 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'))(
  'buildkit-build',
  () => testProcess('buildkit'),
)
