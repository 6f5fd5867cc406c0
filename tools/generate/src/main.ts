// npm run generate: writes what comes from the steps' own schemas; --check only says what would change.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { findDrift, generateFiles } from './generated-files.ts'
import { loadSteps } from './step-list.ts'

const root = join(import.meta.dirname, '../../..')
const { check } = parseArgs({ options: { check: { type: 'boolean', default: false } } }).values

const files = await generateFiles(root, await loadSteps(root))
const drifted = await findDrift(root, files)

if (check) {
  for (const path of drifted) console.error(`${path} is not what its sources say: run npm run generate`)
  if (drifted.length > 0) process.exitCode = 1
} else {
  for (const path of drifted) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), files.get(path) ?? '')
    console.log(`wrote ${path}`)
  }
}
