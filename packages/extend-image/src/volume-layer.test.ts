// The directories of volumes.
import { buffer } from 'node:stream/consumers'
import { parseDockerfile } from '@polyarch/dockerfile'
import type { ImageConfig } from '@polyarch/oci'
import { extract } from 'tar-stream'
import { expect, test } from 'vitest'
import { createDirectoryTree } from './directory-tree.ts'
import { missingVolumes, nameVolumes, packDirectories } from './volume-layer.ts'

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
  expect(missingVolumes(config('/old'), built, tree)).toEqual(['srv', 'srv/a', 'srv/b', 'var/lib/data'])
  expect(missingVolumes(config(), config(), tree)).toEqual([])
})

test('they are root’s, of no time', async () => {
  const tar = extract()
  tar.end(await buffer(packDirectories(['srv', 'srv/a'])))
  const entries: string[] = []
  for await (const entry of tar) {
    const { name, type, mode, uid, gid, mtime } = entry.header
    entries.push(`${name} ${type} ${mode?.toString(8)} ${uid}:${gid} ${mtime?.getTime()}`)
    entry.resume()
  }
  expect(entries).toEqual(['srv/ directory 755 0:0 0', 'srv/a/ directory 755 0:0 0'])
})

test('the history calls them what the Dockerfile does', () => {
  const { stages } = parseDockerfile('FROM x\nVOLUME /a /b\nRUN true\nVOLUME ["/c"]\n')
  expect(nameVolumes(stages[0]?.instructions ?? [])).toBe('VOLUME /a /b; VOLUME ["/c"]')
})
