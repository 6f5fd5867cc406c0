// What makes a container of the kaniko image, and every machine that is none.
import { readFile } from 'node:fs/promises'
import { openHost } from '@polyarch/ci-host'
import { temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { chooseLauncher } from './choose-launcher.ts'
import {
  isOnOwnMount,
  listDoubts,
  parseMounts,
  type RootFacts,
  readRootFacts,
  requireKanikoContainer,
} from './container-evidence.ts'
import { openInsideLauncher } from './inside-launcher.ts'

const docker: RootFacts = {
  hasExecutor: true,
  userId: 0,
  pidNamespace: 'pid:[4026532801]',
  firstProcess: 'sh',
  mounts: [
    { root: '/', target: '/', type: 'overlay' },
    { root: '/', target: '/proc', type: 'proc' },
    { root: '/builds', target: '/builds', type: 'ext4' },
  ],
  markers: ['/.dockerenv'],
}

const machine: RootFacts = {
  ...docker,
  pidNamespace: 'pid:[4026531836]',
  firstProcess: 'systemd',
  mounts: [{ root: '/', target: '/', type: 'ext4' }],
  markers: [],
}

describe('a kaniko container', () => {
  test.each([
    ['of docker', docker],
    ['of Kubernetes', { ...docker, markers: ['KUBERNETES_SERVICE_HOST'], firstProcess: 'pause' }],
    [
      'of podman without overlay',
      { ...docker, mounts: [{ root: '/var/lib/containers/storage/vfs/dir/1', target: '/', type: 'xfs' }] },
    ],
  ])('%s is recognised', (_, facts) => {
    expect(listDoubts(facts)).toEqual([])
    expect(requireKanikoContainer(facts)).toBeDefined()
  })
})

describe('refuses, although everything else speaks for a container,', () => {
  test.each([
    ['an image without an executor', { hasExecutor: false }, /there is no \/kaniko\/executor/],
    ['an ordinary user', { userId: 1000 }, /user 1000/],
    ['the machine’s processes', { pidNamespace: machine.pidNamespace }, /the machine’s own/],
    ['a system that boots', { firstProcess: 'systemd' }, /first process is systemd/],
    ['a disk as root', { mounts: machine.mounts }, /not a container’s file system/],
    ['a subvolume as root', { mounts: [{ root: '/@', target: '/', type: 'btrfs' }] }, /not a container’s file system/],
    ['a root that cannot be told', { mounts: [] }, /not a container’s file system/],
    ['no trace of a container engine', { markers: [] }, /no container engine/],
  ])('%s', (_, change, doubt) => {
    expect(() => requireKanikoContainer({ ...docker, ...change })).toThrow(
      expect.objectContaining({ kind: 'input', message: expect.stringMatching(doubt) }),
    )
  })

  test('a machine with a kaniko executor and every mark of a container in its files', () => {
    const markers = ['/.dockerenv', '/run/.containerenv', 'KUBERNETES_SERVICE_HOST']
    expect(() => requireKanikoContainer({ ...machine, markers })).toThrow(/executor wipes the root file system/)
  })
})

describe('this machine', () => {
  const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1', PATH: process.env['PATH'], container: 'docker' }

  test('is not taken for a kaniko container, whatever the environment says', async () => {
    const facts = await readRootFacts(env)
    expect(listDoubts(facts)).toContain('there is no /kaniko/executor')
    await using workspace = await temporaryDirectory()
    await expect(openInsideLauncher(openHost(env, workspace.path))).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(/^input launcher: "inside" is for jobs that run in the kaniko image/),
    })
  })

  test('is never chosen as a container', async () => {
    await using workspace = await temporaryDirectory()
    const { launcher, reason } = await chooseLauncher(
      { launcher: 'auto', executor: undefined },
      openHost(env, workspace.path),
    )
    expect(['docker', 'podman', 'jail']).toContain(launcher)
    expect(reason).not.toBe('')
  })

  test('has a mountinfo that can be read', async () => {
    const mounts = parseMounts(await readFile('/proc/self/mountinfo', 'utf8'))
    expect(mounts.filter(({ target }) => target === '/')).not.toEqual([])
    expect(mounts.find(({ target }) => target === '/proc')?.type).toBe('proc')
  })
})

test('mountinfo writes spaces as octal, and optional fields come in any number', () => {
  const line = String.raw`36 35 98:0 /a\040b /mnt/c\040d rw,noatime shared:1 master:2 - ext4 /dev/root rw`
  expect(parseMounts(`${line}\n`)).toEqual([{ root: '/a b', target: '/mnt/c d', type: 'ext4' }])
})

test('only what is mounted survives the wiping', () => {
  expect(isOnOwnMount(docker.mounts, '/builds/acme/web')).toBe(true)
  expect(isOnOwnMount(docker.mounts, '/buildsystem')).toBe(false)
  expect(isOnOwnMount(docker.mounts, '/home/web')).toBe(false)
})

describe('the choice of a launcher', () => {
  const choose = async (
    launcher: 'auto' | 'docker' | 'inside' | 'jail',
    executor?: string,
    platform?: NodeJS.Platform,
  ) => {
    await using workspace = await temporaryDirectory()
    return await chooseLauncher({ launcher, executor }, openHost({ PATH: '/nowhere' }, workspace.path), platform)
  }

  test('an executor of this machine goes to the jail and nowhere else', async () => {
    expect(await choose('auto', '/kaniko')).toEqual({ launcher: 'jail', reason: 'an executor is given' })
    for (const launcher of ['docker', 'inside'] as const)
      await expect(choose(launcher, '/kaniko')).rejects.toMatchObject({ kind: 'input' })
  })

  test('Linux without container engines gets a jail, other systems a refusal', async () => {
    expect(await choose('auto')).toMatchObject({ launcher: 'jail' })
    await expect(choose('auto', undefined, 'darwin')).rejects.toThrow(/needs docker or podman/)
  })

  test('what the user says is done', async () => {
    expect(await choose('docker')).toEqual({ launcher: 'docker', reason: 'the input says so' })
  })
})
