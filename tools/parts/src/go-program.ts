// Builds programs from Go modules: the real kaniko executors, the lifecycle, act, and the peers.
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { cachePath } from './cache.ts'
import { peerPrograms } from './peers.ts'
import { findProgram, runProgram } from './program.ts'

export interface GoProgram {
  readonly module: string
  readonly version: string
  /** The package of the program inside its module. */
  readonly main: string
  /** Packages of programs that are built with it and lie beside it. */
  readonly companions?: readonly string[]
  /** The module's own replacements: they hold only in the main module, which here is a temporary one. */
  readonly replace?: readonly string[]
  /** The variable that the program prints as its version. */
  readonly versionVariable?: string
  /** Build tags. */
  readonly tags?: string
}

/** An executor deletes the root file system that it runs in: only ever start one in a jail or a container. */
const kaniko = (module: string, version: string, replace: readonly string[] = []): GoProgram => ({
  module,
  version,
  main: 'cmd/executor',
  replace,
  versionVariable: `${module}/pkg/version.version`,
})

const programs = {
  'kaniko-1.25.15': kaniko('github.com/chainguard-dev/kaniko', 'v1.25.15', [
    'github.com/moby/go-archive => github.com/moby/go-archive v0.1.0',
  ]),
  'kaniko-1.24.0': kaniko('github.com/GoogleContainerTools/kaniko', 'v1.24.0'),
  buildkit: {
    module: 'github.com/moby/buildkit',
    version: 'v0.33.0',
    main: 'cmd/buildctl',
    companions: ['cmd/buildkitd'],
    versionVariable: 'github.com/moby/buildkit/version.Version',
  },
  lifecycle: {
    module: 'github.com/buildpacks/lifecycle',
    version: 'v0.21.0',
    main: 'cmd/lifecycle',
    companions: ['cmd/launcher'],
    versionVariable: 'github.com/buildpacks/lifecycle/cmd.Version',
  },
  act: { module: 'github.com/nektos/act', version: 'v0.2.89', main: '.' },
  ...peerPrograms,
} as const satisfies Record<string, GoProgram>

export type GoProgramName = keyof typeof programs

/** The oldest Go that builds all of them. */
export const goVersion = '1.25.7'

/**
 * The path of the program, built once.
 * @throws when it is not in the cache and there is no Go, or the module cannot be had.
 */
export const buildGoProgram = async (
  name: GoProgramName,
  report: (line: string) => void = () => {},
): Promise<string> => {
  const { module, version, main, companions = [], replace = [], versionVariable, tags = '' }: GoProgram = programs[name]
  const path = cachePath('go', `${name}-${version}`, basename(join(module, main)))
  if (existsSync(path)) return path
  if (!findProgram('go')) throw new Error(`it is built from Go modules: install Go ${goVersion} or newer`)
  report(`building ${name} from Go modules (once, a minute or two)`)
  await mkdir(dirname(path), { recursive: true })
  // A temporary module works where a proxy refuses the version lists that `go install` wants.
  const directory = await mkdtemp(cachePath('go', 'module-'))
  try {
    const lines = ['module program', `go ${goVersion}`, `require ${module} ${version}`]
    await writeFile(
      join(directory, 'go.mod'),
      `${[...lines, ...replace.map((line) => `replace ${line}`)].join('\n')}\n`,
    )
    const flags = ['-s', '-w', ...(versionVariable ? ['-X', `${versionVariable}=${version}`] : [])].join(' ')
    const drafts = join(directory, 'programs')
    // The program that the next call looks for comes last, so that its companions are there when it is.
    const packages = [...companions, main].map((folder) => join(module, folder))
    const build = ['build', '-trimpath', `-tags=${tags}`, `-ldflags=${flags}`, '-o', `${drafts}/`, ...packages]
    // One build at a time, however many runs want one: each takes every core and a few gigabytes.
    await runProgram('flock', [cachePath('go', 'lock'), findProgram('go') ?? 'go', ...build], {
      cwd: directory,
      env: { CGO_ENABLED: '0', GOFLAGS: '-mod=mod' },
    })
    for (const name of packages.map((folder) => basename(folder)))
      await rename(join(drafts, name), join(dirname(path), name))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
  return path
}
