// Starts a TypeScript tool on a machine that has only Node and npm: gets pnpm, the dependencies and Node 24 first.
// Plain JavaScript without dependencies, and no syntax newer than what an old Node parses: it has to say what it needs.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { constants } from 'node:os'
import { basename, delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const oldestNode = [20, 19]
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const cache = resolve(root, process.env.POLYARCH_CACHE || '.cache')
const pnpmVersion = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).packageManager.split('@')[1]

const fail = (sentence) => {
  console.error(sentence)
  process.exit(1)
}

const requireNode = () => {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return
  fail(`Node ${oldestNode.join('.')} or newer is needed to start; this is ${process.versions.node}`)
}

/** Runs a program silently; what it wrote is shown where it fails. */
const runOrFail = (what, program, args, env) => {
  const result = spawnSync(program, args, { cwd: root, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  if (result.status === 0) return
  fail(`${what} failed:\n${result.error ? result.error.message : `${result.stdout}${result.stderr}`.trim()}`)
}

const versionOf = (program) => {
  // A corepack shim would ask before it downloads.
  const env = Object.assign({}, process.env, { COREPACK_ENABLE_DOWNLOAD_PROMPT: '0' })
  const result = spawnSync(program, ['--version'], { cwd: cache, env, encoding: 'utf8' })
  return result.status === 0 ? result.stdout.trim() : undefined
}

/** The directory of the pnpm that package.json names, installed into the cache where PATH has another one or none. */
const providePnpm = () => {
  const onPath = process.env.PATH.split(delimiter).find((directory) => existsSync(join(directory, 'pnpm')))
  if (onPath && versionOf(join(onPath, 'pnpm')) === pnpmVersion) return onPath
  const directory = join(cache, 'pnpm', pnpmVersion)
  const binaries = join(directory, 'node_modules', '.bin')
  if (!existsSync(join(binaries, 'pnpm'))) {
    console.error(`installing pnpm ${pnpmVersion}`)
    mkdirSync(directory, { recursive: true })
    const quiet = ['--no-audit', '--no-fund', '--loglevel=error']
    runOrFail('npm install', 'npm', ['install', '--prefix', directory, ...quiet, `pnpm@${pnpmVersion}`], process.env)
  }
  return binaries
}

/** The manifests and the lockfile: while their bytes are the same, so are the dependencies. */
const dependencyFiles = () => {
  const listNested = (parent) => readdirSync(join(root, parent)).map((name) => join(parent, name))
  const folders = ['.', 'bench', 'e2e', ...listNested('packages'), ...listNested('tools')]
  const manifests = folders.map((folder) => join(root, folder, 'package.json')).filter(existsSync)
  return [...manifests, join(root, 'pnpm-lock.yaml'), join(root, 'pnpm-workspace.yaml')]
}

const installDependencies = (pnpmDirectory) => {
  const stamp = join(root, 'node_modules', '.polyarch-stamp')
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}\n`)
  for (const file of dependencyFiles()) hash.update(file).update(readFileSync(file))
  const wanted = hash.digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  console.error('installing the dependencies')
  // Without CI, pnpm would ask before it replaces a node_modules that something else made.
  const env = Object.assign({}, process.env, { CI: 'true' })
  runOrFail('pnpm install', join(pnpmDirectory, 'pnpm'), ['install', '--frozen-lockfile', '--loglevel=error'], env)
  writeFileSync(stamp, wanted)
}

/**
 * The directory with Node 24 and pnpm for all that the tool starts. It is outside of node_modules, whose directories
 * nx takes off PATH; and pnpm's own shim of node is a shell script, which would keep signals from node.
 */
const linkPrograms = (pnpmDirectory) => {
  const directory = join(cache, 'bin')
  mkdirSync(directory, { recursive: true })
  for (const target of [join(root, 'node_modules', 'node', 'bin', 'node'), join(pnpmDirectory, 'pnpm')]) {
    const link = join(directory, basename(target))
    if (existsSync(link) && realpathSync(link) === realpathSync(target)) continue
    rmSync(link, { force: true })
    symlinkSync(target, link)
  }
  return directory
}

/** Runs the tool under the Node of the dependencies and ends as it ends. */
const runTool = (programs, args) => {
  const directories = [programs, join(root, 'node_modules', '.bin'), process.env.PATH]
  const env = Object.assign({}, process.env, { PATH: directories.join(delimiter) })
  // npm may have found pnpm's shim of node, which lets every program require what it does not declare.
  delete env.NODE_PATH
  const child = spawn(join(programs, 'node'), ['--conditions=@polyarch/source', ...args], { env, stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => {
      // A terminal sends its Ctrl-C to the whole group: the child has it already.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  child.on('error', (error) => fail(`cannot start ${programs}/node: ${error.message}`))
  child.on('exit', (code, signal) => {
    process.exitCode = signal ? 128 + constants.signals[signal] : code
  })
}

requireNode()
mkdirSync(cache, { recursive: true })
const pnpm = providePnpm()
installDependencies(pnpm)
const [tool, ...args] = process.argv.slice(2)
runTool(linkPrograms(pnpm), [join(root, tool), ...args])
