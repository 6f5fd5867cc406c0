// Builds every bundle through nx, which knows what is still fresh, and tells how large each came out.
import { existsSync } from 'node:fs'
import { readdir, readFile, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type CommandResult, root, runCommand } from './command.ts'

const cache = resolve(root, process.env['POLYARCH_CACHE'] || '.cache')

/** Nx without a daemon, without its cloud and with all that it keeps in the one ignored folder. */
const nxEnvironment = {
  NX_DAEMON: 'false',
  NX_NO_CLOUD: 'true',
  NX_TUI: 'false',
  NX_CACHE_DIRECTORY: join(cache, 'nx'),
  NX_WORKSPACE_DATA_DIRECTORY: join(cache, 'nx-data'),
}

interface BundleOptions {
  /** The packages to bundle, by name; all of them by default. */
  readonly only?: readonly string[]
  /** Forgets all that was emitted and cached before it builds. */
  readonly fresh?: boolean
  readonly show?: boolean
}

/** The names of all packages. */
export const listPackages = async (): Promise<string[]> =>
  (await readdir(join(root, 'packages')))
    .filter((name) => existsSync(join(root, 'packages', name, 'package.json')))
    .toSorted()

/** Forgets nx's cache rather than passing it over, so that what is built now serves the next run. */
const forgetBuilds = async (): Promise<void> => {
  const emitted = (await listPackages()).map((name) => join(root, 'packages', name, 'lib'))
  for (const directory of [nxEnvironment.NX_CACHE_DIRECTORY, nxEnvironment.NX_WORKSPACE_DATA_DIRECTORY, ...emitted])
    await rm(directory, { recursive: true, force: true })
}

/** Runs the bundle target of the packages, and the builds that it needs. */
export const buildBundles = async ({ only = [], fresh = false, show }: BundleOptions): Promise<CommandResult> => {
  if (fresh) await forgetBuilds()
  return runCommand(
    [
      'nx',
      'run-many',
      '--target=bundle',
      '--outputStyle=static',
      ...(only.length > 0 ? [`--projects=${only.map((name) => `@polyarch/${name}`).join(',')}`] : []),
    ],
    { env: nxEnvironment, ...(show === undefined ? {} : { show }) },
  )
}

/** The directory of a package's bundle: a step's is its action's, the command line's stays with its package. */
export const bundleDirectory = (name: string): string =>
  name === 'cli' ? join(root, 'packages', 'cli', 'dist') : join(root, 'actions', name, 'dist')

const listBundled = async (): Promise<string[]> => {
  const names: string[] = []
  for (const name of await listPackages()) {
    const manifest = join(root, 'packages', name, 'package.json')
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
