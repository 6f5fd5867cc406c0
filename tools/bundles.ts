// Builds every bundle through nx, which knows what is still fresh, and tells how large each came out.
import { existsSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type CommandResult, root, runCommand } from './command.ts'

/** Nx without a daemon, without its cloud and with all that it keeps in the one ignored folder. */
const nxEnvironment = {
  NX_DAEMON: 'false',
  NX_NO_CLOUD: 'true',
  NX_TUI: 'false',
  NX_WORKSPACE_DATA_DIRECTORY: join(process.env['POLYARCH_CACHE'] || join(root, '.cache'), 'nx-data'),
}

interface BundleOptions {
  /** The packages to bundle, by name; all of them by default. */
  readonly only?: readonly string[]
  /** Builds without asking the cache. */
  readonly fresh?: boolean
  readonly show?: boolean
}

/** Runs the bundle target of the packages, and the builds that it needs. */
export const buildBundles = ({ only = [], fresh = false, show }: BundleOptions): Promise<CommandResult> =>
  runCommand(
    [
      'nx',
      'run-many',
      '--target=bundle',
      '--outputStyle=static',
      ...(only.length > 0 ? [`--projects=${only.map((name) => `@polyarch/${name}`).join(',')}`] : []),
      ...(fresh ? ['--skip-nx-cache'] : []),
    ],
    { env: nxEnvironment, ...(show === undefined ? {} : { show }) },
  )

/** The directory of a package's bundle: a step's is its action's, the command line's stays with its package. */
export const bundleDirectory = (name: string): string =>
  name === 'cli' ? join(root, 'packages', 'cli', 'dist') : join(root, 'actions', name, 'dist')

const listBundled = async (): Promise<string[]> => {
  const names: string[] = []
  for (const name of (await readdir(join(root, 'packages'))).toSorted()) {
    const manifest = join(root, 'packages', name, 'package.json')
    if (!existsSync(manifest)) continue
    const { scripts } = JSON.parse(await readFile(manifest, 'utf8')) as { scripts?: Record<string, string> }
    if (scripts?.['bundle']) names.push(name)
  }
  return names
}

/** One line per bundle: its directory, its size in kB and the number of its files. */
export const describeBundles = async (): Promise<string[]> => {
  const lines: string[] = []
  for (const name of await listBundled()) {
    const directory = bundleDirectory(name)
    const files = await readdir(directory)
    const sizes = await Promise.all(files.map(async (file) => (await stat(join(directory, file))).size))
    const total = sizes.reduce((sum, size) => sum + size, 0)
    const place = directory.slice(root.length + 1)
    lines.push(`${place.padEnd(32)} ${String(Math.ceil(total / 1000)).padStart(6)} kB in ${files.length} files`)
  }
  return lines
}
