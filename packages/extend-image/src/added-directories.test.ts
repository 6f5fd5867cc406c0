// The directories of volumes and working directories.
import { buffer } from 'node:stream/consumers'
import { parseDockerfile } from '@polyarch/dockerfile'
import type { ImageConfig } from '@polyarch/oci'
import { extract } from 'tar-stream'
import { expect, test } from 'vitest'
import {
  correctWorkdir,
  missingVolumes,
  missingWorkdir,
  nameInstructions,
  packDirectories,
  withKnownParents,
} from './added-directories.ts'
import { createDirectoryTree } from './directory-tree.ts'

const config = (...volumes: string[]): ImageConfig => ({
  os: 'linux',
  architecture: 'amd64',
  config: { Volumes: Object.fromEntries(volumes.map((path) => [path, {}])) },
  rootfs: { type: 'layers', diff_ids: [] },
})

const tree = createDirectoryTree()
for (const path of ['var', 'var/lib']) tree.add({ path, type: 'directory', mode: 0o755, uid: 0, gid: 0 })

test('those that are missing are made, with the ones above them, each once', () => {
  const built = config('/old', '/var/lib', '/var/lib/data', '/srv/a/', 'srv/b', '/../etc')
  expect(missingVolumes(config('/old'), built, tree).map(({ path }) => path)).toEqual([
    'srv',
    'srv/a',
    'srv/b',
    'var/lib/data',
  ])
  expect(missingVolumes(config(), config(), tree)).toEqual([])
})

test('they are of no time, and whose it is said', async () => {
  const tar = extract()
  tar.end(
    await buffer(
      packDirectories([
        { path: 'srv', mode: 0o755, uid: 0, gid: 0 },
        { path: 'srv/a', mode: 0o755, uid: 1, gid: 2 },
      ]),
    ),
  )
  const entries: string[] = []
  for await (const entry of tar) {
    const { name, type, mode, uid, gid, mtime } = entry.header
    entries.push(`${name} ${type} ${mode?.toString(8)} ${uid}:${gid} ${mtime?.getTime()}`)
    entry.resume()
  }
  expect(entries).toEqual(['srv/ directory 755 0:0 0', 'srv/a/ directory 755 1:2 0'])
})

test('the history calls them what the Dockerfile does', () => {
  const { stages } = parseDockerfile('FROM x\nVOLUME /a /b\nRUN true\nVOLUME ["/c"]\n')
  expect(nameInstructions(stages[0]?.instructions ?? [], 'VOLUME')).toBe('VOLUME /a /b; VOLUME ["/c"]')
})

test.each<[string, string, readonly string[]]>([
  ['', '/srv/app', ['srv 0:0', 'srv/app 0:0']],
  ['root', '/srv/app', ['srv 0:0', 'srv/app 0:0']],
  ['1000:1001', '/srv/app', ['srv 0:0', 'srv/app 1000:1001']],
  ['1000', '/var/lib/data', ['var/lib/data 1000:1000']],
  ['1000:1001', '/var/lib', []],
  ['cnb', '/srv/app', []],
  ['1000:cnb', '/srv/app', []],
  ['1000', '/srv/../etc', []],
])('a working directory of user "%s" at %s', (user, path, expected) => {
  const image = { ...config(), config: { User: user, WorkingDir: path } }
  expect(missingWorkdir(image, tree).map(({ path: made, uid, gid }) => `${made} ${uid}:${gid}`)).toEqual(expected)
})

test('what a WORKDIR made above its directory is root’s', () => {
  const made = (path: string, uid: number, type = 'directory') => ({
    path,
    type,
    mode: 0o755,
    uid,
    gid: uid,
    hasAttributes: false,
  })
  const lines = (...entries: ReturnType<typeof made>[]) =>
    correctWorkdir(entries, tree)?.map(({ path, uid, gid }) => `${path} ${uid}:${gid}`)
  expect(lines(made('var', 7), made('srv', 7), made('srv/a', 7), made('srv/a/b', 7))).toEqual([
    'var 7:7',
    'srv 0:0',
    'srv/a 0:0',
    'srv/a/b 7:7',
  ])
  expect(lines(made('srv', 0), made('srv/a', 7))).toBeUndefined()
  expect(lines(made('srv', 7))).toBeUndefined()
  expect(lines(made('srv', 7), made('srv/a', 7, 'file'))).toBeUndefined()
})

test('directories come with those above them that are there', () => {
  const added = [{ path: 'var/lib/a', mode: 0o700, uid: 1, gid: 1 }]
  expect(withKnownParents(added, tree).map(({ path, mode }) => `${path} ${mode.toString(8)}`)).toEqual([
    'var 755',
    'var/lib 755',
    'var/lib/a 700',
  ])
})
