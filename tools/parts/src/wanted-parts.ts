// Which parts a set of test files needs: those that they, or the files that they import, name.
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { type Part, parts } from './part.ts'

const relativeImport = /from '(\.{1,2}\/[^']+\.ts)'/g

/** The files with all that they import by a relative path, each once. */
const withImports = async (files: readonly string[]): Promise<string[]> => {
  const sources = new Map<string, string>()
  const queue = [...files]
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (sources.has(file) || !existsSync(file)) continue
    const source = await readFile(file, 'utf8')
    sources.set(file, source)
    const folder = dirname(file)
    // This package names every part, and needs none of them by itself.
    if (folder === import.meta.dirname) continue
    queue.push(...[...source.matchAll(relativeImport)].map(([, path = '']) => resolve(folder, path)))
  }
  return [...sources.values()]
}

/** Parts that a function of this package needs without its caller naming them. */
const impliedBy: Readonly<Record<string, readonly Part[]>> = {
  startRegistry: ['docker-registry'],
  writeBaseImage: ['busybox-amd64', 'busybox-arm64'],
  asOrdinaryUser: ['user-namespaces'],
}

/** The parts that the test files need, in the order in which they are best prepared. */
export const wantedParts = async (testFiles: readonly string[]): Promise<Part[]> => {
  const source = (await withImports(testFiles)).join('\n')
  const implied = Object.entries(impliedBy).flatMap(([name, needed]) => (source.includes(`${name}(`) ? needed : []))
  return parts.filter((part) => implied.includes(part) || source.includes(`'${part}'`))
}
