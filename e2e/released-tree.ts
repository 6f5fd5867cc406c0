// What a release has and main has not: the actions with their bundles, under the tags that users name.
import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { repositoryRoot, temporaryDirectory } from '@polyarch/parts'
import { commitAll, runOrThrow } from './command.ts'

export interface ReleasedTree extends AsyncDisposable {
  /** A git repository with actions/ and templates/, tagged v1 and 1.0.0. */
  readonly path: string
  /** A directory with the command `polyarch`. */
  readonly commands: string
}

const commandBundle = join(repositoryRoot, 'packages/cli/dist')

/** Releases the bundles into a directory; `npm test` builds them before these tests. */
export const releaseTree = async (): Promise<ReleasedTree> => {
  if (!existsSync(commandBundle)) throw new Error('the bundles are not built: use npm test, or npm run build before')
  const directory = await temporaryDirectory('polyarch-released')
  const path = join(directory.path, 'tree')
  const commands = join(directory.path, 'bin')
  for (const folder of ['actions', 'templates'])
    await cp(join(repositoryRoot, folder), join(path, folder), { recursive: true })
  await commitAll(path, 'https://github.com/polyarch/polyarch.git')
  for (const tag of ['v1', '1.0.0']) await runOrThrow(['git', 'tag', tag], { directory: path })
  await cp(commandBundle, join(directory.path, 'cli'), { recursive: true })
  await mkdir(commands)
  await writeFile(join(commands, 'polyarch'), `#!/bin/sh\nexec node ${join(directory.path, 'cli/polyarch.js')} "$@"\n`)
  await chmod(join(commands, 'polyarch'), 0o755)
  return { path, commands, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() }
}
