// Every engine at its limits: time, disk, a kill from outside; and what it says it took.
import { execFile } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { EngineName } from '@polyarch/dockerfile'
import { engineNames } from '@polyarch/dockerfile'
import {
  type BaseRegistry,
  lacks,
  listMounts,
  listProcesses,
  startBaseRegistry,
  temporaryDirectory,
} from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildWith } from './engine-build.ts'
import { awaitRunning, findRunning, uniqueSleep } from './running-command.ts'

const run = promisify(execFile)

/** The program of each engine that does the work. */
const programs: Readonly<Record<EngineName, RegExp>> = {
  kaniko: /^\/kaniko\/executor /,
  buildah: /^buildah .* build /,
  buildkit: /^buildkitd /,
}

describe.skipIf(
  lacks('root', 'kaniko-1.25.15', 'buildah', 'buildkit', 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'),
)('every engine', () => {
  let registry: BaseRegistry

  beforeAll(async () => {
    registry = await startBaseRegistry()
  })
  afterAll(() => registry.stop())

  const writeDockerfile = (workspace: string, lines: string): Promise<void> =>
    writeFile(join(workspace, 'Dockerfile'), `FROM ${registry.base}\n${lines}`)

  test.each(engineNames)('%s says what it took', async (engine) => {
    await using workspace = await temporaryDirectory()
    // Long enough to be looked at while the command holds its memory.
    await writeDockerfile(
      workspace.path,
      'RUN x=$(head -c 50000000 /dev/zero | tr "\\\\0" x) && sleep 2 && echo "$x" | wc -c > /size\n',
    )
    const outputs = await buildWith(engine, { layout: 'out' }, workspace.path)
    expect(outputs['engine-seconds']).toBeGreaterThan(2)
    expect(outputs['peak-memory']).toBeGreaterThan(50_000_000)
  })

  test.each(engineNames)('%s is stopped where it takes longer than timeout, and leaves nothing', async (engine) => {
    await using workspace = await temporaryDirectory()
    const sleep = uniqueSleep()
    await writeDockerfile(workspace.path, `RUN exec ${sleep}\n`)
    await expect(buildWith(engine, { layout: 'out', timeout: '4s' }, workspace.path)).rejects.toMatchObject({
      kind: 'build',
      message: expect.stringMatching(/was stopped after 4\.0 s, which is all that input timeout allows$/),
    })
    expect(await findRunning(sleep)).toBeUndefined()
    expect((await readdir(workspace.path)).filter((name) => name !== '.home')).toEqual(['Dockerfile'])
    expect(await listMounts(workspace.path)).toEqual([])
  })

  test.each(engineNames)('%s that is killed is told from one that fails', async (engine) => {
    await using workspace = await temporaryDirectory()
    const sleep = uniqueSleep()
    await writeDockerfile(workspace.path, `RUN exec ${sleep}\n`)
    const failure = buildWith(engine, { layout: 'out' }, workspace.path).catch((error: unknown) => error)
    const running = await awaitRunning(sleep)
    const all = await listProcesses()
    const kill = (pid: number): void => {
      const ancestor = all.find((candidate) => candidate.id === pid)
      if (ancestor === undefined) throw new Error(`no ${engine} above ${sleep}`)
      if (programs[engine].test(ancestor.commandLine)) process.kill(ancestor.id, 'SIGKILL')
      else kill(ancestor.parent)
    }
    kill(running.parent)
    expect(await failure).toMatchObject({
      kind: 'build',
      message: expect.stringMatching(/ was killed \(exit 137\): ended from outside, or out of memory/),
    })
    expect(await findRunning(sleep)).toBeUndefined()
  })

  test.each(engineNames)('%s on a full disk says so', async (engine) => {
    await using directory = await temporaryDirectory()
    const workspace = join(directory.path, 'workspace')
    await mkdir(workspace)
    await run('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', workspace])
    try {
      await writeDockerfile(workspace, 'RUN dd if=/dev/zero of=/large bs=1M count=100\n')
      await expect(buildWith(engine, { layout: 'out' }, workspace)).rejects.toMatchObject({
        kind: 'build',
        message: expect.stringMatching(/ ran out of disk: .*no space left on device.*; make room on/i),
      })
      expect((await readdir(workspace)).filter((name) => name !== '.home')).toEqual(['Dockerfile'])
    } finally {
      await run('umount', [workspace])
    }
  })
})
