// An ordinary user without subordinate ids, as in many containers of CI jobs: one id is all that a build has.
import { execFile } from 'node:child_process'
import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { EngineName } from '@polyarch/dockerfile'
import { engineNames } from '@polyarch/dockerfile'
import {
  asOrdinaryUser,
  type BaseRegistry,
  lacks,
  ordinaryUser,
  partPath,
  readImage,
  repositoryRoot,
  startBaseRegistry,
  temporaryDirectory,
} from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pathFor } from './engine-build.ts'

const run = promisify(execFile)

/** Takes the ranges out of sight, in mounts of its own. */
const withoutRanges = 'mount --bind /dev/null /etc/subuid && mount --bind /dev/null /etc/subgid && exec "$@"'

/** Runs the engine's step as that user: exit code, outputs and log. */
const buildAs = async (engine: EngineName, workspace: string) => {
  const step = join(repositoryRoot, 'packages', `${engine}-build`, 'src/main.ts')
  const flags = ['--layout=out', '--json', ...(engine === 'kaniko' ? ['--executor=executor'] : [])]
  const user = asOrdinaryUser([
    'env',
    `PATH=${pathFor(engine)}`,
    `HOME=${join(workspace, '.home')}`,
    process.execPath,
    '--conditions=@polyarch/source',
    step,
    ...flags,
  ])
  try {
    const { stdout, stderr } = await run('unshare', ['--mount', '--', 'sh', '-c', withoutRanges, 'sh', ...user], {
      cwd: workspace,
    })
    return { code: 0, stderr, outputs: JSON.parse(stdout) as { digest: string } }
  } catch (error) {
    return { outputs: undefined, ...(error as { code: number; stderr: string }) }
  }
}

describe.skipIf(
  lacks(
    'root',
    'user-namespaces',
    'kaniko-1.25.15',
    'buildah',
    'buildkit',
    'docker-registry',
    'skopeo',
    'busybox-amd64',
    'busybox-arm64',
  ),
)('a user with one id', () => {
  let registry: BaseRegistry

  beforeAll(async () => {
    registry = await startBaseRegistry()
  })
  afterAll(() => registry.stop())

  const withWorkspace = async (lines: string, work: (workspace: string) => Promise<void>): Promise<void> => {
    await using directory = await temporaryDirectory()
    await chmod(directory.path, 0o755)
    const workspace = join(directory.path, 'workspace')
    await mkdir(workspace)
    await writeFile(join(workspace, 'Dockerfile'), `FROM ${registry.base}\n${lines}`)
    await writeFile(join(workspace, '.dockerignore'), 'executor\n')
    await copyFile(partPath('kaniko-1.25.15'), join(workspace, 'executor'))
    await run('chown', ['-R', `${ordinaryUser}:`, workspace])
    await work(workspace)
  }

  test.each(engineNames)('builds with %s what runs nothing, and is told what would be needed', async (engine) => {
    await withWorkspace('COPY Dockerfile /copied\n', async (workspace) => {
      const { code, stderr, outputs } = await buildAs(engine, workspace)
      expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('no subordinate ids') })
      const { files } = await readImage({ layout: join(workspace, 'out'), digest: outputs?.digest ?? '' })
      expect(files['copied']?.owner).toBe('0:0')
    })
  })

  test('runs commands with kaniko, as long as they give no file away', async () => {
    await withWorkspace('RUN id -u > /who\n', async (workspace) => {
      const { code, stderr, outputs } = await buildAs('kaniko', workspace)
      expect({ code, stderr }).toMatchObject({ code: 0 })
      const { files } = await readImage({ layout: join(workspace, 'out'), digest: outputs?.digest ?? '' })
      expect(files['who']).toMatchObject({ text: '0\n', owner: '0:0' })
    })
    await withWorkspace('RUN touch /file && chown 7:8 /file\n', async (workspace) => {
      const { code, stderr } = await buildAs('kaniko', workspace)
      expect({ code, stderr }).toMatchObject({ code: 4, stderr: expect.stringMatching(/chown: .*Invalid argument/) })
    })
  })

  test.each(['buildah', 'buildkit'] as const)('is told the line that %s could not run', async (engine) => {
    await withWorkspace('LABEL a=b\nRUN true\n', async (workspace) => {
      const { code, stderr } = await buildAs(engine, workspace)
      expect({ code, stderr }).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(
          /Dockerfile:3: RUN true cannot be run with \w+ by a user without subordinate ids/,
        ),
      })
    })
  })
})
