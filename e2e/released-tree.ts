// What a release has and main has not: the actions with their bundles, under the tags that users name.
import { chmod, cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { repositoryRoot, temporaryDirectory } from '@polyarch/parts'
import { buildBundles } from '../tools/bundles.ts'
import { commitAll, runOrThrow } from './command.ts'

export interface ReleasedTree extends AsyncDisposable {
  /** A git repository with actions/ and templates/, tagged v1 and 1.0.0. */
  readonly path: string
  /** A directory with the command `polyarch`. */
  readonly commands: string
}

/** Bundles what is not bundled yet, and releases it into a directory. */
export const releaseTree = async (): Promise<ReleasedTree> => {
  const { code, output } = await buildBundles({})
  if (code !== 0) throw new Error(`the bundles cannot be built:\n${output}`)
  const directory = await temporaryDirectory('polyarch-released')
  const path = join(directory.path, 'tree')
  const commands = join(directory.path, 'bin')
  for (const folder of ['actions', 'templates'])
    await cp(join(repositoryRoot, folder), join(path, folder), { recursive: true })
  await commitAll(path, 'https://github.com/polyarch/polyarch.git')
  for (const tag of ['v1', '1.0.0']) await runOrThrow(['git', 'tag', tag], { directory: path })
  await cp(join(repositoryRoot, 'packages/cli/dist'), join(directory.path, 'cli'), { recursive: true })
  await mkdir(commands)
  await writeFile(join(commands, 'polyarch'), `#!/bin/sh\nexec node ${join(directory.path, 'cli/polyarch.js')} "$@"\n`)
  await chmod(join(commands, 'polyarch'), 0o755)
  return { path, commands, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() }
}
