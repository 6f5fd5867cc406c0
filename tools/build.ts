// npm run build: the bundles of every step and of the command line.
import { buildBundles, describeBundles } from './bundles.ts'

const { code } = await buildBundles({ show: true, fresh: process.argv.includes('--fresh') })
if (code === 0) for (const line of await describeBundles()) console.log(line)
process.exitCode = code
