// Which entries of a layer are an extension's.
import { describe, expect, test } from 'vitest'
import { createDirectoryTree } from './directory-tree.ts'
import { type EntryFacts, keepEntries } from './layer-entries.ts'

const entry = (path: string, more: Partial<EntryFacts> = {}): EntryFacts => ({
  path: path.replace(/\/$/, ''),
  type: path.endsWith('/') || path === '' ? 'directory' : 'file',
  mode: 0o755,
  uid: 0,
  gid: 0,
  hasAttributes: false,
  ...more,
})

const base = createDirectoryTree()
for (const each of [entry('etc/'), entry('tmp/', { mode: 0o1777 }), entry('home/'), entry('home/cnb/', { uid: 1000 })])
  base.add(each)
const traces = { mounts: ['/workspace', '/home/ci/work/app', '/layers'], stubs: ['run'] }

const keep = (...entries: EntryFacts[]): string[] => {
  const kept = keepEntries(entries, base, traces)
  return entries.filter((_, position) => kept[position]).map(({ path }) => path)
}

describe('what stays', () => {
  test('files, with the directories above them', () => {
    expect(keep(entry(''), entry('etc/'), entry('etc/tool.conf'), entry('tmp/', { mode: 0o1777 }))).toEqual([
      'etc',
      'etc/tool.conf',
    ])
  })
  test('directories that are new, or not as they were', () => {
    expect(
      keep(
        entry('opt/'),
        entry('home/', { mode: 0o700 }),
        entry('home/cnb/', { uid: 0 }),
        entry('etc/', { hasAttributes: true }),
      ),
    ).toEqual(['opt', 'home', 'home/cnb', 'etc'])
  })
  test('whiteouts, and the directories above them', () => {
    expect(keep(entry('home/'), entry('home/cnb/', { uid: 1000 }), entry('home/cnb/.wh.file'))).toEqual([
      'home',
      'home/cnb',
      'home/cnb/.wh.file',
    ])
    expect(keep(entry('etc/'), entry('etc/.wh..wh..opq'))).toEqual(['etc', 'etc/.wh..wh..opq'])
  })
  test('the file that a hard link is of, wherever it is', () => {
    const link = entry('copy', { type: 'link', target: 'etc/hosts' })
    expect(keep(entry('etc/'), entry('etc/hosts'), entry('etc/hostname'), link)).toEqual(['etc', 'etc/hosts', 'copy'])
  })
  test('paths that only begin like those that go', () => {
    expect(keep(entry('etc/hosts.allow'), entry('workspace2'), entry('device'), entry('var/running'))).toHaveLength(4)
  })
})

describe('what goes', () => {
  test('the app, layers and platform, and directories that were only made to mount them', () => {
    expect(
      keep(
        entry('workspace/'),
        entry('workspace/file'),
        entry('layers/'),
        entry('.wh.layers'),
        entry('home/'),
        entry('home/ci/'),
        entry('home/ci/work/'),
        entry('home/ci/work/app/'),
        entry('home/ci/work/app/x'),
      ),
    ).toEqual([])
  })
  test('but not a directory on the way to them that holds something else', () => {
    expect(keep(entry('home/ci/'), entry('home/ci/work/'), entry('home/ci/own'))).toEqual(['home/ci', 'home/ci/own'])
  })
  test('what container runtimes mount', () => {
    expect(
      keep(
        entry('etc/'),
        entry('etc/hosts'),
        entry('etc/hostname'),
        entry('etc/resolv.conf'),
        entry('etc/.wh.hosts'),
        entry('dev/'),
        entry('dev/null'),
        entry('proc/'),
        entry('sys/'),
        entry('var/run/x'),
      ),
    ).toEqual([])
  })
  test('directories that the engine makes, where nothing is in them', () => {
    expect(keep(entry('run/'))).toEqual([])
    expect(keep(entry('run/'), entry('run/pid'))).toEqual(['run', 'run/pid'])
    expect(keep(entry('run/', { uid: 5 }))).toEqual(['run'])
  })
})
