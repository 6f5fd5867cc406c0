// Which parts a set of test files needs: those that they name, for what a test needs it asks of lacks().
import { readFile } from 'node:fs/promises'
import { type Part, parts } from './part.ts'

/** Parts that a function of this package needs without its caller naming them. */
const impliedBy: Readonly<Record<string, readonly Part[]>> = {
  startBaseRegistry: ['docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'],
  startRegistry: ['docker-registry'],
  startDocker: ['docker'],
  writeBaseImage: ['busybox-amd64', 'busybox-arm64'],
  asOrdinaryUser: ['user-namespaces'],
}

/** The parts that the test files need, in the order in which they are best prepared. */
export const wantedParts = async (testFiles: readonly string[]): Promise<Part[]> => {
  const sources = await Promise.all(testFiles.map((file) => readFile(file, 'utf8')))
  const source = sources.filter((text) => text.includes('lacks(')).join('\n')
  const implied = Object.entries(impliedBy).flatMap(([name, needed]) => (source.includes(`${name}(`) ? needed : []))
  return parts.filter((part) => implied.includes(part) || source.includes(`'${part}'`))
}
