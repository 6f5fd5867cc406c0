// The main job on the command line: a Dockerfile becomes one tagged index for two platforms, by the four steps.
import { chmod, copyFile, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  asOrdinaryUser,
  lacks,
  ordinaryUser,
  partPath,
  type RunningRegistry,
  reasonMissing,
  repositoryRoot,
  startRegistry,
  temporaryDirectory,
} from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CommandEnd, runCommand, runOrThrow } from './command.ts'
import { platformsOf, pulledArchitecture, tagsOf } from './image-judge.ts'
import { createProject, pushBaseImage, type SampleProject, skopeoAccess } from './sample-project.ts'

type Identity = 'root' | 'ordinary user'

interface Installation extends AsyncDisposable {
  readonly path: string
}

/** Polyarch as a user without rights in this repository finds it: the bundle, a Node and an executor. */
const install = async (): Promise<Installation> => {
  const directory = await temporaryDirectory('polyarch-installed')
  await chmod(directory.path, 0o755)
  await cp(join(repositoryRoot, 'packages/cli/dist'), join(directory.path, 'polyarch'), { recursive: true })
  await copyFile(process.execPath, join(directory.path, 'node'))
  await copyFile(partPath('kaniko-1.25.15'), join(directory.path, 'executor'))
  return directory
}

const readJson = async <T>(path: string): Promise<T> => JSON.parse(await readFile(path, 'utf8')) as T

interface MergeResult {
  readonly digest: string
  readonly repositories: readonly { readonly tags: readonly { readonly tag: string; readonly status: string }[] }[]
}

const statuses = ({ repositories }: MergeResult): string[] =>
  repositories.flatMap(({ tags }) => tags.map(({ tag, status }) => `${tag} ${status}`))

const legs = ['web.linux-amd64', 'web.linux-arm64']

describe.skipIf(lacks('kaniko-1.25.15', 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'))(
  'the main job',
  () => {
    let registry: RunningRegistry
    let installation: Installation

    beforeAll(async () => {
      registry = await startRegistry()
      await pushBaseImage(registry)
      installation = await install()
    })
    afterAll(async () => {
      await registry.stop()
      await installation[Symbol.asyncDispose]()
    })

    const polyarch = (project: SampleProject, identity: Identity, args: readonly string[]): Promise<CommandEnd> => {
      const program = [join(installation.path, 'node'), join(installation.path, 'polyarch/polyarch.js')] as const
      const command = [...program, ...args] as [string, ...string[]]
      return runCommand(identity === 'root' ? command : asOrdinaryUser(command), { directory: project.path })
    }

    const succeed = async (project: SampleProject, identity: Identity, ...args: string[]): Promise<string> => {
      const { code, log } = await polyarch(project, identity, args)
      expect(code, log).toBe(0)
      return log
    }

    const prepare = async (identity: Identity, name: string): Promise<SampleProject> => {
      const project = await createProject({
        registry: registry.host,
        remote: 'https://example.com/acme/shop.git',
        files: {},
      })
      const config = join(project.path, 'polyarch.yaml')
      await writeFile(config, (await readFile(config, 'utf8')).replace('/acme,', `/${name},`))
      if (identity === 'ordinary user' && process.getuid?.() === 0)
        await runOrThrow(['chown', '-R', `${ordinaryUser}:${ordinaryUser}`, project.path], { directory: '/' })
      return project
    }

    const executor = () => ['--executor', join(installation.path, 'executor'), '--launcher', 'jail']

    const walk = async (identity: Identity, name: string) => {
      await using project = await prepare(identity, name)
      const run = (...args: string[]) => succeed(project, identity, ...args)
      await run('detect-arch', '--emulate', 'allow', '--output', 'plan.json')
      for (const leg of legs) {
        await run('kaniko-build', '--plan', 'plan.json', '--leg', leg, '--layout', `out/${leg}`, ...executor())
        await run(
          'push-digest',
          '--plan',
          'plan.json',
          '--leg',
          leg,
          '--layout',
          `out/${leg}`,
          '--record',
          `records/${leg}.json`,
        )
      }
      expect(await tagsOf(registry, `${name}/web`), 'no tag before the merge').toEqual([])
      const merge = [
        'merge-manifest',
        '--plan',
        'plan.json',
        '--image',
        'web',
        '--records',
        'records',
        '--result',
        'web.json',
      ]
      await run(...merge)
      const merged = await readJson<MergeResult>(join(project.path, 'web.json'))
      expect(statuses(merged)).toEqual(['1.0.0 created', 'latest created'])

      const reference = `${registry.host}/${name}/web`
      const inspect = (what: string) =>
        runOrThrow(
          ['skopeo', 'inspect', '--format', '{{.Digest}}', ...skopeoAccess(registry, ''), `docker://${what}`],
          {
            directory: '/',
          },
        )
      for (const tag of ['1.0.0', 'latest']) expect((await inspect(`${reference}:${tag}`)).trim()).toBe(merged.digest)
      expect(await platformsOf(registry, `${name}/web:latest`)).toEqual(['linux/amd64', 'linux/arm64'])
      for (const architecture of ['amd64', 'arm64'])
        expect(await pulledArchitecture(registry, `${name}/web:latest`, architecture)).toBe(architecture)

      const before = (await registry.requests()).length
      await run(...merge)
      const again = await readJson<MergeResult>(join(project.path, 'web.json'))
      expect(again.digest, 'the same index from the same records').toBe(merged.digest)
      expect(statuses(again)).toEqual(['1.0.0 unchanged', 'latest unchanged'])
      const written = (await registry.requests())
        .slice(before)
        .filter((line) => /^(?:PUT|POST|PATCH|DELETE) /.test(line))
      expect(written, 'nothing is written a second time').toEqual([])
    }

    test.skipIf(lacks('root'))('as root: four steps, one index, and nothing moves the second time', () =>
      walk('root', 'by-root'),
    )

    test.skipIf(lacks('user-namespaces'))('as an ordinary user: the same', () => walk('ordinary user', 'by-user'))

    test('what was built on each platform is what its machine says', async () => {
      await using project = await prepare('root', 'truth')
      await succeed(project, 'root', 'run', '--emulate', 'allow', ...executor())
      for (const architecture of ['amd64', 'arm64']) {
        await using unpacked = await temporaryDirectory('polyarch-unpacked')
        const copy = ['skopeo', '--override-os', 'linux', '--override-arch', architecture, 'copy', '--quiet'] as const
        const source = `docker://${registry.host}/truth/web:latest`
        await runOrThrow([...copy, ...skopeoAccess(registry, 'src-'), source, `dir:${unpacked.path}`], {
          directory: '/',
        })
        const { layers } = await readJson<{ layers: { digest: string }[] }>(join(unpacked.path, 'manifest.json'))
        await mkdir(join(unpacked.path, 'root'))
        for (const { digest } of layers)
          await runOrThrow(['tar', '-xf', digest.replace('sha256:', ''), '-C', 'root'], { directory: unpacked.path })
        const machine = (await readFile(join(unpacked.path, 'root/machine'), 'utf8')).trim()
        const native = { amd64: 'x86_64', arm64: 'aarch64' }[architecture]
        expect(machine).toBe(reasonMissing('binfmt-arm64') === undefined ? native : 'hello')
      }
    })

    test('run goes the whole way into a directory, without any server', async () => {
      await using project = await prepare('root', 'unused')
      const log = await succeed(project, 'root', 'run', '--to', 'oci:images', '--emulate', 'allow', ...executor())
      expect(log).toMatch(/linux\/amd64\s.*sha256:[0-9a-f]{64}/)
      expect(log).toMatch(/linux\/arm64\s.*sha256:[0-9a-f]{64}/)
      const inspect = ['skopeo', 'inspect', '--raw', `oci:${project.path}/images/web:latest`] as const
      const index = JSON.parse(await runOrThrow([...inspect], { directory: '/' })) as { manifests: unknown[] }
      expect(index.manifests).toHaveLength(2)
      expect(await tagsOf(registry, 'unused/web')).toEqual([])
    })

    test('an image that is built from another image of the plan gets what was just merged, not what its tag was', async () => {
      await using project = await prepare('root', 'chain')
      const repository = `${registry.host}/chain`
      await writeFile(
        join(project.path, 'polyarch.yaml'),
        `version: 1
defaults: { registry: ${repository}, platforms: [linux/amd64, linux/arm64] }
images:
  app: { context: app, tags: ["1"] }
  base: { context: base, tags: ["1"] }
`,
      )
      for (const [name, text] of [
        ['base', 'FROM scratch\nCOPY content /content\n'],
        ['app', `FROM ${repository}/base:1\nCOPY content /own\n`],
      ] as const) {
        await mkdir(join(project.path, name))
        await writeFile(join(project.path, name, 'Dockerfile'), text)
        await writeFile(join(project.path, name, 'content'), `${name}\n`)
      }
      await succeed(project, 'root', 'run', '--emulate', 'allow', ...executor())
      const layersOf = async (name: string): Promise<string[]> => {
        const override = [
          'skopeo',
          '--override-os',
          'linux',
          '--override-arch',
          'arm64',
          'inspect',
          '--format',
        ] as const
        const reference = `docker://${repository}/${name}:1`
        const command = [
          ...override,
          '{{range .Layers}}{{.}} {{end}}',
          ...skopeoAccess(registry, ''),
          reference,
        ] as const
        return (await runOrThrow([...command], { directory: '/' })).trim().split(' ')
      }
      const first = await layersOf('base')
      expect((await layersOf('app'))[0]).toBe(first[0])
      await writeFile(join(project.path, 'base/content'), 'another base\n')
      await succeed(project, 'root', 'run', '--emulate', 'allow', ...executor())
      const second = await layersOf('base')
      expect(second[0], 'the base did change').not.toBe(first[0])
      expect((await layersOf('app'))[0]).toBe(second[0])
    })

    test('a record that is missing stops the merge: the platform is named and no tag moves', async () => {
      await using project = await prepare('root', 'missing')
      await succeed(project, 'root', 'run', '--emulate', 'allow', ...executor())
      const records = join(project.path, '.polyarch/records')
      expect(await readdir(records)).toHaveLength(2)
      await rm(join(records, 'web.linux-arm64.json'))
      const plan = join(project.path, '.polyarch/plan.json')
      const { code, log } = await polyarch(project, 'root', ['merge-manifest', '--plan', plan, '--records', records])
      expect(code, log).toBe(7)
      expect(log).toContain('linux/arm64')
    })

    test('a Dockerfile that fails ends with 4 and leaves no layout, record or tag', async () => {
      await using project = await prepare('root', 'failing')
      await writeFile(join(project.path, 'web/Dockerfile'), 'FROM scratch\nCOPY absent /\n')
      const { code, log } = await polyarch(project, 'root', ['run', '--emulate', 'allow', ...executor()])
      expect(code, log).toBe(4)
      expect(log).toContain('absent')
      expect(await tagsOf(registry, 'failing/web')).toEqual([])
      const left = await readdir(join(project.path, '.polyarch'), { recursive: true })
      expect(left.filter((name) => name !== 'layouts')).toEqual(['plan.json'])
    })
  },
)
