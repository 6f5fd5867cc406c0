// The directories of an image, as its layers leave them one after the other.

/** What a layer says of a directory. */
export interface DirectoryFacts {
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** An entry of a layer; the path has no leading `/` and no trailing one, the root's is ''. */
export interface TreeEntry extends DirectoryFacts {
  readonly path: string
  readonly type: string
}

/** The directories that the layers so far have; of one that is only on the way to another nothing is known. */
export interface DirectoryTree {
  find(path: string): DirectoryFacts | undefined
  /** Takes the entry of the next layer in: whiteouts and files end the directories in their place. */
  add(entry: TreeEntry): void
}

interface Node {
  facts: DirectoryFacts | undefined
  readonly children: Map<string, Node>
}

const whiteout = '.wh.'
const opaque = '.wh..wh..opq'

const namesOf = (path: string): string[] => path.split('/').filter((name) => name !== '')

/** The tree of an image without layers. */
export const createDirectoryTree = (): DirectoryTree => {
  const root: Node = { facts: undefined, children: new Map() }
  const walk = (names: readonly string[]): Node | undefined => {
    let node: Node | undefined = root
    for (const name of names) node = node?.children.get(name)
    return node
  }
  const grow = (names: readonly string[]): Node => {
    let node = root
    for (const name of names) {
      const child: Node = node.children.get(name) ?? { facts: undefined, children: new Map() }
      node.children.set(name, child)
      node = child
    }
    return node
  }
  return {
    find: (path) => walk(namesOf(path))?.facts,
    add: ({ path, type, mode, uid, gid }) => {
      const names = namesOf(path)
      const name = names.at(-1) ?? ''
      const parent = names.slice(0, -1)
      if (name === opaque) walk(parent)?.children.clear()
      else if (name.startsWith(whiteout)) walk(parent)?.children.delete(name.slice(whiteout.length))
      else if (type === 'directory') grow(names).facts = { mode: mode & 0o7777, uid, gid }
      else walk(parent)?.children.delete(name)
    },
  }
}
