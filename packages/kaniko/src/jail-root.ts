// The directory that becomes the root of a jail: fresh, empty, and certainly not a root that anybody lives in.
import { lstat, mkdir, readdir, realpath } from 'node:fs/promises'
import { dirname, join, parse } from 'node:path'
import { isInside } from '@polyarch/engine'

declare const checked: unique symbol

/** A path that requireJailRoot has looked at: only such a one can be put into a command that starts an executor. */
export type JailRoot = string & { readonly [checked]: true }

const refuse = (root: string, why: string): never => {
  throw new Error(`${root} cannot be the root of a jail: ${why}`)
}

/**
 * The root of a jail, checked: an empty directory of its own right below this run's work directory.
 * The jail's script looks again from inside its namespaces, before it mounts or starts anything.
 * @throws {Error} when it is anything else: that is a bug or an attack, never a user's mistake.
 */
export const requireJailRoot = async (workDirectory: string, root: string): Promise<JailRoot> => {
  const facts = await lstat(root, { bigint: true })
  if (facts.isSymbolicLink()) return refuse(root, 'it is a symbolic link')
  if (!facts.isDirectory()) return refuse(root, 'it is not a directory')
  const real = await realpath(root)
  if (real !== root) return refuse(root, `it leads to ${real}`)
  if (parse(real).root === real) return refuse(root, 'it is the root of this machine')
  if (dirname(real) !== (await realpath(workDirectory)) || !isInside(workDirectory, real))
    return refuse(root, `it is not in the work directory ${workDirectory}`)
  const machine = await lstat('/', { bigint: true })
  if (facts.dev === machine.dev && facts.ino === machine.ino) return refuse(root, 'it is the root of this machine')
  if ((await readdir(root)).length > 0) return refuse(root, 'it is not empty')
  return real as JailRoot
}

/** Makes the root of a jail in the work directory; mode 0755, so that a USER of the image may enter it. */
export const createJailRoot = async (workDirectory: string, name: string): Promise<JailRoot> => {
  const root = join(await realpath(workDirectory), name)
  await mkdir(root, { mode: 0o755 })
  return await requireJailRoot(workDirectory, root)
}
