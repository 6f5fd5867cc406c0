// The directories of an image after its layers.
import { expect, test } from 'vitest'
import { createDirectoryTree } from './directory-tree.ts'

const treeOf = (...paths: readonly string[]) => {
  const tree = createDirectoryTree()
  for (const path of paths)
    tree.add({
      path: path.replace(/\/$/, ''),
      type: path.endsWith('/') ? 'directory' : 'file',
      mode: 0o40755,
      uid: 1,
      gid: 2,
    })
  return tree
}

const known = (tree: ReturnType<typeof treeOf>): string[] =>
  ['', 'a', 'a/b', 'a/b/c', 'd'].filter((path) => tree.find(path) !== undefined)

test.each([
  [
    ['a/', 'a/b/'],
    ['a', 'a/b'],
  ],
  [['a/b/c/'], ['a/b/c']],
  [['a/', 'a/b/', 'd/', '.wh.a'], ['d']],
  [['a/b/c/', 'a/.wh.b'], []],
  [['a/', 'a/b/', 'a/.wh..wh..opq'], ['a']],
  [['a/', 'a/b/', '.wh..wh..opq'], []],
  [['a/', 'a/b/', 'a'], []],
  [['a/', 'a/b'], ['a']],
  [['a/', 'a/b/', 'a', 'a/'], ['a']],
  [['d/', '.wh.other', 'x/y'], ['d']],
])('%j leave %j', (paths, left) => {
  expect(known(treeOf(...paths))).toEqual(left)
})

test('the last layer that says something of a directory is believed', () => {
  const tree = treeOf('a/')
  tree.add({ path: 'a', type: 'directory', mode: 0o1777, uid: 0, gid: 0 })
  expect(tree.find('a')).toEqual({ mode: 0o1777, uid: 0, gid: 0 })
  expect(treeOf('a/').find('a')).toEqual({ mode: 0o755, uid: 1, gid: 2 })
})

test('a hundred thousand whiteouts in as many directories take no time', () => {
  const tree = createDirectoryTree()
  const entry = { type: 'directory', mode: 0o755, uid: 0, gid: 0 }
  for (let index = 0; index < 100_000; index += 1) tree.add({ ...entry, path: `d/${index}` })
  for (let index = 0; index < 100_000; index += 1) tree.add({ ...entry, path: `d/.wh.x${index}`, type: 'file' })
  expect(tree.find('d/99999')).toBeDefined()
})
