// The house's rules on real imports: who stands on whom, what only one room may touch, how a step is furnished.
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { readSourceFile, type SourceFile } from './source-file.ts'

const steps: readonly string[] = [
  'detect-arch',
  'kaniko-build',
  'buildah-build',
  'buildkit-build',
  'push-digest',
  'merge-manifest',
  'extend-image',
  'report',
]

/** The packages from the ground up; a package may import those of lower floors only. */
const floors: readonly (readonly string[])[] = [
  ['oci'],
  ['layout', 'registry', 'credentials', 'documents', 'dockerfile'],
  ['ci-host'],
  ['stores'],
  ['engine'],
  ['kaniko', 'buildah', 'buildkit'],
  steps,
  ['cli'],
]

/** What every step has, and nothing of it may be missing. */
const furniture = ['inputs.ts', 'outputs.ts', 'plan.ts', 'run.ts', 'report.ts', 'step.ts', 'main.ts']

/** Files of a step that only think: none of what they import from their own package may do IO either. */
const pureFiles = ['inputs.ts', 'outputs.ts', 'plan.ts', 'report.ts']

/** Packages that only think. */
const purePackages = ['oci', 'dockerfile']

const ioModules = new Set([
  'fs',
  'fs/promises',
  'net',
  'tls',
  'dns',
  'http',
  'https',
  'http2',
  'child_process',
  'worker_threads',
])

/** Names that say nothing about what a file holds. */
const emptyNames = /^(?:utils?|helpers|common|misc|shared|lib)$/

/** What only ci-host may take from `process`. */
const hostMembers = new Set(['env', 'exit', 'exitCode', 'argv', 'stdout', 'stderr', 'stdin', '[computed]'])

const isHostModule = (request: string): boolean =>
  /^(?:node:)?(?:child_process|process)$/.test(request) || request === 'execa' || request.startsWith('@actions/')

interface Manifest {
  readonly name: string
  readonly exports?: Readonly<Record<string, Readonly<Record<string, string>> | string>>
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly nx?: { readonly targets?: { readonly bundle?: { readonly outputs?: readonly string[] } } }
}

interface Package {
  readonly name: string
  readonly directory: string
  readonly manifest: Manifest
  readonly references: readonly string[]
  /** What its tsconfig.json leaves out of what is published. */
  readonly excluded: readonly string[]
  readonly sources: readonly SourceFile[]
  readonly tests: readonly SourceFile[]
}

interface ProjectFile {
  readonly references?: readonly { readonly path: string }[]
  readonly exclude?: readonly string[]
}

/** Tests, and what only they use. */
const testCode = /^src\/(?:testing\/|fixtures\/|.*\.test\.ts$)/

const scope = '@polyarch/'

const readJson = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T

const readPackage = (root: string, name: string): Package => {
  const directory = join(root, 'packages', name)
  const files = globSync('src/**/*.ts', { cwd: directory, exclude: ['**/*.d.ts'] })
    .map((file) => readSourceFile(join(directory, file)))
    .toSorted((left, right) => (left.path < right.path ? -1 : 1))
  const isTest = ({ path }: SourceFile): boolean => testCode.test(relative(directory, path))
  const { references = [], exclude = [] } = readJson<ProjectFile>(join(directory, 'tsconfig.json'))
  return {
    name,
    directory,
    manifest: readJson<Manifest>(join(directory, 'package.json')),
    references: references.map(({ path }) => basename(path)),
    excluded: exclude,
    sources: files.filter((file) => !isTest(file)),
    tests: files.filter(isTest),
  }
}

/** The package behind an import specifier, or undefined for a relative one and for what comes with Node. */
const packageOf = (request: string): string | undefined => {
  if (request.startsWith('.') || request.startsWith('node:') || builtinModules.includes(request)) return undefined
  return request
    .split('/')
    .slice(0, request.startsWith('@') ? 2 : 1)
    .join('/')
}

const importedPackages = (files: readonly SourceFile[]): Set<string> =>
  new Set(files.flatMap(({ imports }) => imports.flatMap((request) => packageOf(request) ?? [])))

const floorOf = (name: string): number => floors.findIndex((floor) => floor.includes(name))

const isIo = (request: string): boolean => ioModules.has(request.replace(/^node:/, '')) || request === 'undici'

type Say = (file: string, violation: string) => void

const checkDirection = ({ name, sources, directory }: Package, say: Say): void => {
  const floor = floorOf(name)
  if (floor < 0) say(directory, 'stands on no floor: add it to the floors of tools/layers.ts')
  for (const { path, imports } of sources)
    for (const request of imports) {
      if (request.startsWith('.')) {
        if (relative(join(directory, 'src'), resolve(dirname(path), request)).startsWith('..'))
          say(path, `imports ${request}, out of its own package`)
        continue
      }
      const other = packageOf(request)?.startsWith(scope) ? packageOf(request)?.slice(scope.length) : undefined
      if (other === undefined) continue
      if (steps.includes(name) && steps.includes(other)) say(path, `is a step and imports the step ${other}`)
      else if (floorOf(other) < 0 || floorOf(other) >= floor) say(path, `imports ${other}, which is not below ${name}`)
    }
}

/** Test code is neither published nor used by what is. */
const checkTestCode = ({ directory, sources, tests, excluded }: Package, say: Say): void => {
  const testPaths = new Set(tests.map(({ path }) => path))
  for (const { path, imports } of sources)
    for (const request of imports.filter((other) => testPaths.has(resolve(dirname(path), other))))
      say(path, `imports ${request}, which is for tests`)
  for (const folder of ['testing', 'fixtures'])
    if (existsSync(join(directory, 'src', folder)) && !excluded.includes(`src/${folder}`))
      say(join(directory, 'tsconfig.json'), `does not exclude src/${folder}`)
}

const checkOpening = ({ path, opensWithComment }: SourceFile, say: Say): void => {
  if (!opensWithComment) say(path, 'does not begin with a comment that says what lives in it')
}

const checkName = ({ path }: SourceFile, say: Say): void => {
  if (emptyNames.test(basename(path).split('.')[0] ?? '')) say(path, 'has a name that says nothing')
}

const checkFile = ({ name }: Package, file: SourceFile, say: Say): void => {
  const { path, imports, processMembers, computedImports } = file
  if (computedImports > 0) say(path, 'imports what only its run shows')
  if (name !== 'ci-host') {
    for (const request of imports.filter(isHostModule)) say(path, `imports ${request}: only ci-host may`)
    for (const member of processMembers.filter((used) => hostMembers.has(used)))
      say(path, `uses process.${member}: only ci-host may`)
  }
  if (purePackages.includes(name))
    for (const request of imports.filter(isIo)) say(path, `imports ${request}: ${name} does no IO`)
}

/** The way from a file to an IO module through imports of its own package, or undefined. */
const wayToIo = (start: string, files: ReadonlyMap<string, SourceFile>): string[] | undefined => {
  const seen = new Set<string>()
  const walk = (path: string): string[] | undefined => {
    if (seen.has(path)) return undefined
    seen.add(path)
    for (const request of files.get(path)?.runtimeImports ?? []) {
      if (isIo(request)) return [basename(path), request]
      const way = request.startsWith('.') ? walk(resolve(dirname(path), request)) : undefined
      if (way) return [basename(path), ...way]
    }
    return undefined
  }
  return walk(start)
}

const checkStep = ({ name, directory, sources, manifest }: Package, say: Say): void => {
  const files = new Map(sources.map((file) => [file.path, file]))
  for (const file of furniture)
    if (!files.has(join(directory, 'src', file))) say(join(directory, 'src', file), 'is missing: every step has one')
  for (const file of pureFiles) {
    const way = wayToIo(join(directory, 'src', file), files)
    if (way) say(join(directory, 'src', file), `only thinks, but reaches IO: ${way.join(' -> ')}`)
  }
  const entry = manifest.exports?.['.']
  if (typeof entry !== 'object' || entry[`${scope}source`] !== './src/step.ts')
    say(join(directory, 'package.json'), 'does not export ./src/step.ts')
  // A wrong path here makes nx restore nothing and the check of a bundle prove nothing.
  const outputs = manifest.nx?.targets?.bundle?.outputs ?? []
  if (outputs.join() !== `{workspaceRoot}/actions/${name}/dist`)
    say(join(directory, 'package.json'), `does not name {workspaceRoot}/actions/${name}/dist as what its bundle writes`)
}

const checkManifest = (house: Package, rootManifest: Manifest, say: Say): void => {
  const { manifest, directory, sources, tests, references } = house
  const path = join(directory, 'package.json')
  const declared = Object.keys(manifest.dependencies ?? {})
  const used = importedPackages(sources)
  for (const name of used) if (!declared.includes(name)) say(path, `does not depend on ${name}, which its code imports`)
  for (const name of declared) if (!used.has(name)) say(path, `depends on ${name}, which its code does not import`)
  const inTests = [
    declared,
    ...[manifest, rootManifest].map(({ devDependencies }) => Object.keys(devDependencies ?? {})),
  ]
  for (const name of importedPackages(tests))
    if (name !== manifest.name && !inTests.flat().includes(name))
      say(path, `does not depend on ${name}, which its tests import`)
  const siblings = [...used].filter((name) => name.startsWith(scope)).map((name) => name.slice(scope.length))
  for (const name of siblings)
    if (!references.includes(name)) say(join(directory, 'tsconfig.json'), `does not refer to ../${name}`)
  for (const name of references)
    if (!siblings.includes(name)) say(join(directory, 'tsconfig.json'), `refers to ../${name} without need`)
}

/** Every breach of the house's rules under `packages/` of the root, as `path: what is wrong`; none when all holds. */
export const findBreaches = (root: string): string[] => {
  const breaches: string[] = []
  const say: Say = (file, breach) => breaches.push(`${relative(root, file)}: ${breach}`)
  const rootManifest = readJson<Manifest>(join(root, 'package.json'))
  const names = readdirSync(join(root, 'packages')).filter((name) =>
    existsSync(join(root, 'packages', name, 'package.json')),
  )
  for (const name of names.toSorted()) {
    const house = readPackage(root, name)
    checkDirection(house, say)
    checkTestCode(house, say)
    for (const file of house.sources) checkFile(house, file, say)
    for (const file of [...house.sources, ...house.tests]) {
      checkName(file, say)
      checkOpening(file, say)
    }
    if (steps.includes(name)) checkStep(house, say)
    checkManifest(house, rootManifest, say)
  }
  return breaches
}
