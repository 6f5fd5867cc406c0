// Bundles one package's emitted lib/main.js with all that it imports, for machines that install nothing.
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { bundleDirectory } from './bundles.ts'
import { root, runCommand } from './command.ts'

const [name = ''] = process.argv.slice(2)
const directory = bundleDirectory(name)
const entry = join(root, 'packages', name, 'lib', 'main.js')

// What an older build left, such as a chunk of another name, is no part of this one.
await rm(directory, { recursive: true, force: true })
await mkdir(directory, { recursive: true })
const options = ['--out', directory, '--license', 'licenses.txt', '--no-cache', '--no-source-map-register', '--quiet']
const { code, output } = await runCommand(['ncc', 'build', entry, ...options])
if (code !== 0) {
  console.error(output)
  process.exit(1)
}
if (name === 'cli') await rename(join(directory, 'index.js'), join(directory, 'polyarch.js'))
