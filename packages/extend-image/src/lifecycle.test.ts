// extend-image as a process of its own: its exit codes and streams, as an ordinary user, and ended from outside.
import { execFile } from 'node:child_process'
import { chmod, copyFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { lacks, listMounts, ordinaryUser, partPath, startStep } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { readExtendedRun } from './testing/extended-run.ts'
import { openScene, type Scene } from './testing/lifecycle-scene.ts'

const run = promisify(execFile)

const main = join(import.meta.dirname, 'main.ts')
const isRoot = process.getuid?.() === 0

const preamble = `ARG base_image\nFROM \${base_image}\n`
const generated = {
  tools: {
    'run.Dockerfile': `${preamble}USER root\nRUN echo x > /tool && echo y > /workspace/written\nUSER 1000:1001\n`,
  },
}

/** Flags for the scene, with an executor that any user can run. */
const flagsOf = async (scene: Scene): Promise<string[]> => {
  const executor = join(scene.directory, '.executor')
  await copyFile(partPath('kaniko-1.25.15'), executor)
  await chmod(executor, 0o755)
  return ['--kind=run', '--layers=layers', '--app=app', `--executor=${executor}`, '--launcher=jail']
}

const env = { CNB_PLATFORM_API: '0.13' }

describe.skipIf(lacks('kaniko-1.25.15', 'docker-registry', 'busybox-amd64', 'busybox-arm64', 'user-namespaces'))(
  'the step',
  () => {
    test('extends as an ordinary user', async () => {
      await using scene = await openScene({ generated })
      const flags = await flagsOf(scene)
      await chmod(scene.directory, 0o755)
      if (isRoot) await run('chown', ['-R', `${ordinaryUser}:`, scene.directory])
      const { code, stdout, stderr } = await startStep(main, scene.directory, [...flags, '--json'], {
        ordinary: true,
        env,
      }).ended
      expect({ code, stderr }).toMatchObject({ code: 0 })
      const { layers, directory } = await readExtendedRun(join(scene.layers, 'extended/run'))
      expect(layers).toEqual([{ tool: 'file 644 0:0 x\n' }])
      expect(JSON.parse(stdout)).toMatchObject({ layout: directory, extensions: ['tools'], kind: 'run' })
      expect(await readdir(scene.app)).toEqual(['source.txt', 'written'])
      expect(await readdir(scene.directory)).not.toContain('.polyarch')
    })

    test('ends with the lifecycle’s code, in one line', async () => {
      await using scene = await openScene({ generated: { tools: { 'run.Dockerfile': `${preamble}USER root\n` } } })
      const { code, stdout, stderr } = await startStep(main, scene.directory, await flagsOf(scene), { env }).ended
      expect({ code, stdout }).toEqual({ code: 102, stdout: '' })
      expect(stderr.trim().split('\n').at(-1)).toBe(
        'error: failed to extend run image: extending run image: the final user ID is 0 (root); please add another extension that resets the user to non-root',
      )
    })

    test.each([
      [{}, 11],
      [{ CNB_PLATFORM_API: '0.13', CNB_EXTEND_KIND: 'other' }, 3],
      [{ CNB_PLATFORM_API: '0.13', INPUT_OUTPUT: 'elsewhere' }, 2],
    ])('with %j ends with %i', async (variables, expected) => {
      await using scene = await openScene({ generated })
      expect((await startStep(main, scene.directory, [], { env: variables }).ended).code).toBe(expected)
    })

    test.skipIf(lacks('root'))('leaves nothing when it is cancelled', async () => {
      const slow = { 'run.Dockerfile': `${preamble}USER root\nRUN touch /workspace/begun && sleep 600\n` }
      await using scene = await openScene({ generated: { slow } })
      await writeFile(join(scene.app, 'x'), '')
      const { process: child, ended } = startStep(main, scene.directory, await flagsOf(scene), { env })
      while (!(await readdir(scene.app)).includes('begun')) {
        if (child.exitCode !== null) break
        await delay(50)
      }
      child.kill('SIGTERM')
      expect((await ended).code).toBe(143)
      expect(await readdir(scene.directory)).not.toContain('.polyarch')
      expect(await readdir(scene.layers)).not.toContain('extended')
      expect(await listMounts(scene.directory)).toEqual([])
    })
  },
)
