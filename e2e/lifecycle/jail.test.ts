// The lifecycle's extender deletes the root that it runs in: the jail takes none that anybody may want to keep.
import { mkdir, readlink, realpath, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { lacks, repositoryRoot, temporaryDirectory } from '@polyarch/parts'
import { execa } from 'execa'
import { describe, expect, test } from 'vitest'
import { runInJail } from './jail.ts'
import { disposableMark, jailScript, refusal } from './jail-script.ts'

/** A harmless command, in case that a refusal is missing. */
const harmless = { mounts: [], command: ['/bin/true'], env: {} } as const

/** Gives the script, in namespaces of its own, a root that no launcher has looked at. */
const runScript = async (root: string): Promise<string> => {
  const place = [root, await readlink('/proc/self/ns/mnt'), '0:0', '--', '/bin/true']
  const { stderr } = await execa(
    'unshare',
    ['--mount', '--pid', '--fork', '--kill-child', '--', '/bin/sh', '-c', jailScript, 'jail', ...place],
    { reject: false },
  )
  return stderr
}

describe.skipIf(lacks('root'))('the jail of the lifecycle refuses', () => {
  const withDirectory = async (work: (path: string) => Promise<void>): Promise<void> => {
    await using directory = await temporaryDirectory('polyarch-jail')
    const path = join(await realpath(directory.path), 'root')
    await mkdir(path)
    await work(path)
  }

  test.each(['/', '/usr', '/var'])('%s', async (root) => {
    await expect(runInJail({ ...harmless, root })).rejects.toThrow('it is not below')
    expect(await runScript(root)).toContain(refusal)
  })

  test('this repository, wherever it is', async () => {
    // In a clone below the temporary directory only the mark is missing.
    await expect(runInJail({ ...harmless, root: repositoryRoot })).rejects.toThrow(/it is not below|ENOENT/)
    expect(await runScript(repositoryRoot)).toContain(refusal)
  })

  test('a directory that nobody marked as disposable', async () => {
    await withDirectory(async (root) => {
      await expect(runInJail({ ...harmless, root })).rejects.toThrow('ENOENT')
      expect(await runScript(root)).toContain('is not marked as disposable')
    })
  })

  test('a link to one that is', async () => {
    await withDirectory(async (root) => {
      await writeFile(join(root, disposableMark), '')
      await symlink(root, `${root}-link`)
      await expect(runInJail({ ...harmless, root: `${root}-link` })).rejects.toThrow('it is not below')
      expect(await runScript(`${root}-link`)).toContain('is reached through a symbolic link')
    })
  })

  test('to run outside of namespaces of its own', async () => {
    await withDirectory(async (root) => {
      await writeFile(join(root, disposableMark), '')
      const place = [root, await readlink('/proc/self/ns/mnt'), '0:0', '--', '/bin/true']
      const { stderr } = await execa('/bin/sh', ['-c', jailScript, 'jail', ...place], { reject: false })
      expect(stderr).toContain('not the first process of a PID namespace')
    })
  })
})
