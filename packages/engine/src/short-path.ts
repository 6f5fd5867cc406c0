// A short name for a directory: the path of a Unix socket has room for 107 bytes (unix(7)).
import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface ShortPath extends AsyncDisposable {
  readonly path: string
}

/** A short path that leads to the directory until it is disposed; only this user can change where it leads. */
export const openShortPath = async (directory: string): Promise<ShortPath> => {
  const parent = await mkdtemp(join(tmpdir(), 'pa-'))
  const path = join(parent, 't')
  await symlink(directory, path)
  return { path, [Symbol.asyncDispose]: () => rm(parent, { recursive: true, force: true }) }
}
