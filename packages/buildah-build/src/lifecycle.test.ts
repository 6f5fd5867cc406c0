// buildah-build as a process of its own: as an ordinary user, with secrets in its log, and ended from outside.
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
  readImage,
  startBaseRegistry,
  startStep,
  temporaryDirectory,
} from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const run = promisify(execFile)

const main = join(import.meta.dirname, 'main.ts')
const isRoot = process.getuid?.() === 0
const flags = ['--layout=out', '--json']

/** Whether a process with exactly this command line is running. */
const isRunning = async (line: string): Promise<boolean> =>
  (await listProcesses()).some(({ commandLine }) => commandLine === line)

const until = async (condition: () => Promise<boolean>): Promise<void> => {
  while (!(await condition())) await delay(25)
}

const listAll = async (workspace: string): Promise<string[]> => (await readdir(workspace)).sort()

describe.skipIf(lacks('buildah', 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'))(
  'buildah-build',
  () => {
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

      test.each(platforms)(
        'builds for its own or another platform (%s), with files of other users',
        async (platform) => {
          const dockerfile =
            'RUN echo x > /other && chown 1234:4321 /other && mkdir -m 0500 /locked && touch /locked/x\n'
          await withWorkspace(true, dockerfile, async (workspace) => {
            const all = [...flags, ...(platform === '' ? [] : [`--platform=${platform}`])]
            const { code, stdout, stderr } = await startStep(main, workspace, all, { ordinary: true }).ended
            expect({ code, stderr }).toMatchObject({ code: 0 })
            const { files } = await readImage(JSON.parse(stdout) as { layout: string; digest: string })
            expect(files).toMatchObject({ other: { text: 'x\n', owner: '1234:4321' }, 'locked/x': { owner: '0:0' } })
            expect(await listAll(workspace)).toEqual(['Dockerfile', 'out'])
            expect(await listMounts(workspace)).toEqual([])
          })
        },
      )

      test('a failing build leaves nothing either', async () => {
        const dockerfile = 'RUN mkdir -m 0500 /locked && touch /locked/x && chown 7 /locked\nRUN exit 3\n'
        await withWorkspace(true, dockerfile, async (workspace) => {
          const { code, stderr } = await startStep(main, workspace, flags, { ordinary: true }).ended
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
          const { code, stdout, stderr } = await startStep(main, workspace, flags, { env }).ended
          expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('token: ***') })
          expect(stdout + stderr).not.toContain('battery')
        })
      })

      test.each([
        ['SIGTERM', 143, 1],
        ['SIGINT', 130, 2],
      ] as const)('%s stops the build and leaves nothing', async (signal, expected, number) => {
        const line = `sleep ${4_000_000 + process.pid * 10 + number}`
        await withWorkspace(false, `RUN exec ${line}\n`, async (workspace) => {
          const { process: child, ended } = startStep(main, workspace, flags)
          await until(() => isRunning(line))
          child.kill(signal)
          const { code, stderr } = await ended
          expect({ code, stderr }).toMatchObject({ code: expected })
          expect(await isRunning(line)).toBe(false)
          expect(await listAll(workspace)).toEqual(['Dockerfile'])
          expect(await listMounts(workspace)).toEqual([])
        })
      })

      test('SIGKILL stops the build, and the next run removes what was left', async () => {
        const line = `sleep ${4_000_000 + process.pid * 10 + 3}`
        await withWorkspace(false, `RUN exec ${line}\n`, async (workspace) => {
          const { process: child, ended } = startStep(main, workspace, flags)
          await until(() => isRunning(line))
          child.kill('SIGKILL')
          await ended
          await until(async () => !(await isRunning(line)))
          expect(await readdir(join(workspace, '.polyarch/work'))).toHaveLength(1)
          await writeFile(join(workspace, 'Dockerfile'), `FROM ${registry.base}\nLABEL a=b\n`)
          const { code, stderr } = await startStep(main, workspace, flags).ended
          expect({ code, stderr }).toMatchObject({ code: 0 })
          expect(await listAll(workspace)).toEqual(['Dockerfile', 'out'])
        })
      })
    })
  },
)
