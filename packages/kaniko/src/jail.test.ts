// The jail's refusals: nothing may make it run an executor on a root that anybody lives in.
import { execFile } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { lacks, temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { planContainerCommand, planJailCommand } from './executor-command.ts'
import { createJailRoot, type JailRoot, requireJailRoot } from './jail-root.ts'
import { jailReady, jailRefusal, jailScript } from './jail-script.ts'

const run = promisify(execFile)

describe('the root of a jail', () => {
  test('is an empty directory right in the work directory', async () => {
    await using work = await temporaryDirectory()
    expect(await createJailRoot(work.path, 'jail-1')).toBe(join(work.path, 'jail-1'))
    expect(await readdir(work.path)).toEqual(['jail-1'])
  })

  test('is never made twice', async () => {
    await using work = await temporaryDirectory()
    await createJailRoot(work.path, 'jail-1')
    await expect(createJailRoot(work.path, 'jail-1')).rejects.toThrow('EEXIST')
  })

  test.each(['/', '/usr', '/tmp'])('is not %s', async (root) => {
    await using work = await temporaryDirectory()
    await expect(requireJailRoot(work.path, root)).rejects.toThrow('cannot be the root of a jail')
    await expect(requireJailRoot('/', root)).rejects.toThrow('cannot be the root of a jail')
  })

  test('is not the work directory, nor deeper in it, nor beside it', async () => {
    await using work = await temporaryDirectory()
    await mkdir(join(work.path, 'a/b'), { recursive: true })
    await mkdir(join(work.path, 'beside'))
    for (const root of [work.path, join(work.path, 'a/b')])
      await expect(requireJailRoot(work.path, root)).rejects.toThrow('not in the work directory')
    await expect(requireJailRoot(join(work.path, 'a'), join(work.path, 'beside'))).rejects.toThrow('not in the work')
  })

  test('is no symbolic link, not even to a right one', async () => {
    await using work = await temporaryDirectory()
    await mkdir(join(work.path, 'real'))
    for (const [name, target] of [
      ['link', 'real'],
      ['root', '/'],
    ] as const) {
      await symlink(target, join(work.path, name))
      await expect(requireJailRoot(work.path, join(work.path, name))).rejects.toThrow('it is a symbolic link')
    }
    await symlink(work.path, join(work.path, 'self'))
    await expect(requireJailRoot(work.path, join(work.path, 'self/real'))).rejects.toThrow('it leads to')
  })

  test('holds nothing', async () => {
    await using work = await temporaryDirectory()
    await mkdir(join(work.path, 'jail/etc'), { recursive: true })
    await writeFile(join(work.path, 'file'), '')
    await expect(requireJailRoot(work.path, join(work.path, 'jail'))).rejects.toThrow('it is not empty')
    await expect(requireJailRoot(work.path, join(work.path, 'file'))).rejects.toThrow('it is not a directory')
  })
})

/** Runs the jail's command for a root that nobody checked, as if the launcher had been fooled. */
const runJail = async (
  root: string,
  options: {
    readonly mountNamespace?: string
    readonly target?: string
    readonly change?: (args: string[]) => string[]
  } = {},
) => {
  const { change = (args) => args, target = '/kaniko/executor' } = options
  const mountNamespace = options.mountNamespace ?? (await readlink('/proc/self/ns/mnt'))
  const mounts = [{ kind: 'bind', source: '/bin/true', target, readOnly: true }] as const
  const { file, args } = planJailCommand(
    { root: root as JailRoot, mountNamespace, userFlags: [], mounts },
    { args: ['--help'], env: {}, quietEnv: {} },
  )
  try {
    await run(file, change([...args]), { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } })
    return { code: 0, stderr: '' }
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string }
    return { code, stderr }
  }
}

describe.skipIf(lacks('root'))('the jail’s script refuses by itself', () => {
  const expectRefusal = async (result: ReturnType<typeof runJail>, why: RegExp) => {
    const { code, stderr } = await result
    expect(stderr).toMatch(new RegExp(`^${jailRefusal}.*${why.source}`, 'm'))
    expect(stderr).not.toContain(jailReady)
    expect(code).toBe(125)
  }

  test.each(['/', '/.', '//', '/usr/..', '/proc/self/root'])('%s', async (root) => {
    await expectRefusal(runJail(root), /./)
  })

  test('a directory that is the root under another name', async () => {
    await using work = await temporaryDirectory()
    const bindRoot = ['/bin/sh', '-c', 'mount --bind / "$2" && exec /bin/sh -c "$1" jail "$2" "$3" --', 'bind-root']
    const change = (args: string[]) => [
      ...args.slice(0, args.indexOf('/bin/sh')),
      ...bindRoot,
      jailScript,
      work.path,
      'x',
    ]
    await expectRefusal(runJail(work.path, { change }), /is the root of this machine/)
  })

  test('a directory with something in it', async () => {
    await using work = await temporaryDirectory()
    await writeFile(join(work.path, 'precious'), 'kept')
    await expectRefusal(runJail(work.path), /is not empty/)
    expect(await readFile(join(work.path, 'precious'), 'utf8')).toBe('kept')
  })

  test('a symbolic link to an empty directory', async () => {
    await using work = await temporaryDirectory()
    await mkdir(join(work.path, 'real'))
    await symlink('real', join(work.path, 'link'))
    await expectRefusal(runJail(join(work.path, 'link')), /symbolic link/)
  })

  test('a directory that a USER of the image could not enter', async () => {
    await using work = await temporaryDirectory()
    await chmod(work.path, 0o700)
    await expectRefusal(runJail(work.path), /mode 755/)
  })

  test('the launcher’s own mount namespace', async () => {
    await using work = await temporaryDirectory()
    const withoutMount = (args: string[]) => args.filter((argument) => argument !== '--mount')
    await expectRefusal(runJail(work.path, { change: withoutMount }), /mount namespace of the launcher/)
  })

  test('the launcher’s own processes', async () => {
    await using work = await temporaryDirectory()
    const withoutPid = (args: string[]) => args.filter((argument) => argument !== '--pid')
    await expectRefusal(runJail(work.path, { change: withoutPid }), /not the first process/)
  })

  test.each(['/', '/bin/sh', '/kaniko/../bin/sh', '/etc/../../x', '/kaniko//x'])('a mount at %s', async (target) => {
    await using work = await temporaryDirectory()
    const root = join(work.path, 'root')
    await mkdir(root)
    await expectRefusal(runJail(root, { target }), /nothing is mounted at/)
  })
})

describe('the commands', () => {
  const call = {
    args: ['--no-push', '$(reboot)', "'; reboot; '"],
    env: { A: 'b' },
    quietEnv: { HTTPS_PROXY: 'secret' },
  }
  const jail = { root: '/w/jail' as JailRoot, mountNamespace: 'mnt:[1]', userFlags: [], mounts: [] }

  test('the jail’s script is the same for every input, and the executor’s place stands in it only', () => {
    const { file, args, env } = planJailCommand(jail, call)
    expect([file, ...args.slice(0, 9)]).toMatchInlineSnapshot(`
      [
        "setpriv",
        "--pdeathsig=KILL",
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--ipc",
        "--uts",
        "--",
      ]
    `)
    expect(args.slice(9)).toEqual([
      '/bin/sh',
      '-c',
      jailScript,
      'polyarch-jail',
      '/w/jail',
      'mnt:[1]',
      '--',
      ...call.args,
    ])
    expect(jailScript.match(/\/kaniko\/executor/g)).toHaveLength(1)
    expect(env).toEqual({ A: 'b', HTTPS_PROXY: 'secret' })
  })

  test('what may be secret is not in a container’s arguments', () => {
    const container = { name: 'n', image: 'i', mounts: [], hostNetwork: false }
    const { args, env } = planContainerCommand('docker', container, call, { PATH: '/bin' })
    expect(args.join(' ')).not.toContain('secret')
    expect(env).toEqual({ PATH: '/bin', HTTPS_PROXY: 'secret' })
  })

  test('are formed in one place: no other module names a program that could be an executor', async () => {
    const sources = (await readdir(import.meta.dirname)).filter(
      (name) => name.endsWith('.ts') && !name.endsWith('.test.ts'),
    )
    const naming: string[] = []
    for (const name of sources) {
      const source = await readFile(join(import.meta.dirname, name), 'utf8')
      const files = [...source.matchAll(/\bfile: (.+?)[,\n]/g)].map(([, file]) => file!)
      const others = files.filter((file) => !["'unshare'", 'client', 'string'].includes(file))
      if (others.some((file) => /executor/i.test(file))) naming.push(name)
      expect(source.includes('child_process'), name).toBe(false)
    }
    expect(naming).toEqual(['executor-command.ts'])
  })
})
