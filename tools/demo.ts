// The demo: examples/hello for two platforms with the real kaniko executor, merged into an index on disk, and started.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { partPath, prepareParts, reasonMissing } from '@polyarch/parts'
import { buildBundles } from './bundles.ts'
import { root } from './command.ts'

const example = join(root, 'examples', 'hello')
const images = join(root, '.polyarch', 'demo')
const polyarch = join(root, 'packages', 'cli', 'dist', 'polyarch.js')
const registryTimeout = 3000

const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** Ends the demo with what the user would have to do. */
const giveUp = (reason: string): never => {
  process.stderr.write(`\nThe demo cannot go on: ${reason}\n`)
  process.exit(1)
}

const run = (title: string, file: string, args: readonly string[], options: { cwd?: string } = {}): void => {
  say(`\n$ ${title}`)
  const { status, error } = spawnSync(file, args, { cwd: root, ...options, stdio: 'inherit' })
  if (error) giveUp(error.message)
  if (status !== 0) process.exit(status ?? 1)
}

const goProgram = (): string => {
  const found = reasonMissing('go')
  if (found !== undefined) return giveUp(`${found} (https://go.dev/dl)`)
  return partPath('go')
}

/** Whether the registry of the kaniko image answers; any answer will do, it asks for a token first. */
const registryAnswers = async (): Promise<boolean> => {
  try {
    await fetch('https://ghcr.io/v2/', { method: 'HEAD', signal: AbortSignal.timeout(registryTimeout) })
    return true
  } catch (error) {
    say(`ghcr.io does not answer (${(error as Error).name}): kaniko is built from Go modules instead, once`)
    return false
  }
}

/** Where the executor comes from: named by the user, out of its image, or built from Go modules and cached. */
const chooseExecutor = async (): Promise<string[]> => {
  const named = process.env['POLYARCH_KANIKO_EXECUTOR']
  if (named) return ['--executor', named, '--launcher', 'jail']
  if (await registryAnswers()) return []
  await prepareParts(['go', 'kaniko-1.25.15'], say)
  goProgram()
  const missing = reasonMissing('kaniko-1.25.15')
  if (missing !== undefined) giveUp(`no kaniko executor: ${missing}`)
  return ['--executor', partPath('kaniko-1.25.15'), '--launcher', 'jail']
}

/** Builds the program that the images hold, for both platforms: nothing has to run while an image is built. */
const compileHello = async (): Promise<void> => {
  await mkdir(join(example, 'bin'), { recursive: true })
  for (const architecture of ['amd64', 'arm64'])
    execFileSync(goProgram(), ['build', '-trimpath', '-ldflags=-s -w', '-o', `bin/hello-${architecture}`, '.'], {
      cwd: example,
      env: { ...process.env, CGO_ENABLED: '0', GOOS: 'linux', GOARCH: architecture },
      stdio: 'inherit',
    })
}

interface Descriptor {
  readonly digest: string
  readonly platform?: { readonly architecture: string }
}

const blobPath = (layout: string, digest: string): string => join(layout, 'blobs', ...digest.split(':'))

const readBlob = <T>(layout: string, digest: string): T =>
  JSON.parse(readFileSync(blobPath(layout, digest), 'utf8')) as T

/** Unpacks this machine's image out of the index and starts it in a root of its own. */
const startImage = (layout: string, index: string): void => {
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64'
  const { manifests } = readBlob<{ manifests: Descriptor[] }>(layout, index)
  const child = manifests.find(({ platform }) => platform?.architecture === architecture)
  if (!child) throw new Error(`the index has no linux/${architecture}`)
  const { layers } = readBlob<{ layers: Descriptor[] }>(layout, child.digest)
  const directory = mkdtempSync(join(tmpdir(), 'polyarch-demo-'))
  try {
    for (const layer of layers)
      execFileSync('tar', ['-xf', blobPath(layout, layer.digest), '-C', directory], {
        stdio: ['ignore', 'ignore', 'pipe'],
      })
    const asRoot = process.getuid?.() === 0 ? [] : ['unshare', '--map-root-user']
    const [file, ...args] = [...asRoot, 'chroot', directory, '/hello']
    say(`\n$ the image for linux/${architecture}, started`)
    execFileSync(file, args, { stdio: 'inherit' })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

if (process.platform !== 'linux') giveUp('kaniko runs on Linux only; use a Linux machine or container')
await prepareParts(['go'], say)
await compileHello()
const executor = await chooseExecutor()
say('bundling the command line')
const bundled = await buildBundles({ only: ['cli'] })
if (bundled.code !== 0) giveUp(`the bundle cannot be built:\n${bundled.output}`)
const target = `oci:${images}`
run(
  `cd examples/hello && polyarch run --to oci:${relative(example, images)} --source-date-epoch 0`,
  process.execPath,
  [polyarch, 'run', '--to', target, '--source-date-epoch', '0', ...executor],
  { cwd: example },
)
const layout = join(images, 'hello')
const { digest } = JSON.parse(readFileSync(join(example, '.polyarch', 'merge', 'hello.json'), 'utf8')) as Descriptor
startImage(layout, digest)
const shown = relative(root, layout)
say(`
The index ${digest}
lies in ${shown}, tagged 1.0.0 and latest. Use it:

  skopeo inspect --raw oci:${shown}:latest
  podman run --rm oci:${shown}:latest
  node ${relative(root, polyarch)} copy oci:${shown}:latest ghcr.io/you/hello:latest
`)
