// What the planning job hands on is all that the jobs after it have: no checkout, no git, a workspace of their own.
import { execFile } from 'node:child_process'
import { chmod, copyFile, cp, mkdir, readdir, rename, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { type Host, openHost, parseInputs, type RawInputs } from '@polyarch/ci-host'
import { step as detectArch } from '@polyarch/detect-arch'
import { legIdOf } from '@polyarch/documents'
import { readLayer } from '@polyarch/engine'
import { step as kanikoBuild } from '@polyarch/kaniko-build'
import { step as mergeManifest } from '@polyarch/merge-manifest'
import { parseManifest, parseStoreLocation } from '@polyarch/oci'
import { lacks, partPath, type TemporaryDirectory, temporaryDirectory } from '@polyarch/parts'
import { step as pushDigest } from '@polyarch/push-digest'
import { step as report } from '@polyarch/report'
import { openStores } from '@polyarch/stores'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const run = promisify(execFile)

/** A stand-in for GitHub's artifacts, which exist nowhere else: directories of files that lose their modes. */
const artifactsIn = (directory: string): Pick<Host, 'sendFiles' | 'receiveFiles'> => ({
  sendFiles: async (name, files) => {
    await mkdir(join(directory, name), { recursive: true })
    for (const file of files) {
      await copyFile(file, join(directory, name, basename(file)))
      await chmod(join(directory, name, basename(file)), 0o644)
    }
  },
  receiveFiles: async (names, target) => {
    const sent = await readdir(directory)
    for (const name of names.filter((wanted) => sent.includes(wanted)))
      await cp(join(directory, name), join(target, name), { recursive: true })
    return names.filter((wanted) => !sent.includes(wanted))
  },
})

/** The files of all layers of the one image of a layout: their mode, or what they link to. */
const filesOf = async (layout: string, digest: string, host: Host): Promise<Record<string, string>> => {
  await using stores = await openStores(
    { 'registry-auth': [], 'insecure-registries': [], 'registry-mirrors': [] },
    host,
  )
  const store = stores.open(parseStoreLocation(`oci:${layout}`))
  const files: Record<string, string> = {}
  for (const layer of parseManifest((await store.getManifest(digest)).bytes).layers)
    await readLayer('layer', store.getBlob(layer), async ({ path, type, mode, content }) => {
      if (type !== 'directory')
        files[path] = type === 'file' ? `${mode.toString(8)} ${(await buffer(content)).toString()}` : type
    })
  return files
}

describe('what the planning job hands on', () => {
  let scratch: TemporaryDirectory
  let upstream: string
  beforeEach(async () => {
    scratch = await temporaryDirectory('polyarch-handoff')
    upstream = join(scratch.path, 'upstream')
    for (const directory of ['upstream', 'plan', 'artifacts']) await mkdir(join(scratch.path, directory))
    await writeFile(join(upstream, 'Dockerfile'), 'FROM scratch\nCOPY tool link /\n')
    await writeFile(join(upstream, 'tool'), 'v1', { mode: 0o755 })
    await symlink('tool', join(upstream, 'link'))
    const git = (...args: string[]) =>
      run('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com', ...args], { cwd: upstream })
    await git('init', '--quiet', '--initial-branch=main')
    await git('add', '--all')
    await git('commit', '--quiet', '--message', 'x')
    await writeFile(
      join(scratch.path, 'plan/polyarch.yaml'),
      `version: 1\nimages:\n  web: { source: { url: "file://${upstream}", ref: main }, tags: [latest] }\n`,
    )
  })
  afterEach(() => scratch[Symbol.asyncDispose]())

  /** A job of a forge in a workspace of its own; only the planning job has git. */
  const jobIn = async (name: string, forge: 'GITHUB_ACTIONS' | 'GITLAB_CI'): Promise<Host> => {
    const directory = join(scratch.path, name)
    await mkdir(directory, { recursive: true })
    const env = { PATH: process.env['PATH'], HOME: join(scratch.path, 'home'), [forge]: 'true' }
    const host = openHost(env, directory)
    const silent = { ...host.log, info: () => undefined, group: <T>(_title: string, work: () => Promise<T>) => work() }
    const exec: Host['exec'] = (command) =>
      command.file === 'git' && name !== 'plan' ? Promise.reject(new Error('git was started')) : host.exec(command)
    const artifacts = forge === 'GITHUB_ACTIONS' ? artifactsIn(join(scratch.path, 'artifacts')) : {}
    return Object.assign(Object.create(host) as Host, { log: silent, exec, ...artifacts })
  }

  const build = (raw: RawInputs, host: Host) =>
    kanikoBuild.run(
      parseInputs(kanikoBuild, { ...raw, layout: 'out', executor: partPath('kaniko-1.25.15'), launcher: 'jail' }),
      host,
    )
  const registry = () => `oci:${join(scratch.path, 'store')}`
  const expected = { tool: '755 v1', link: 'symlink' }

  describe.skipIf(lacks('kaniko-1.25.15', process.getuid?.() === 0 ? 'root' : 'user-namespaces'))('is enough', () => {
    test('on GitHub, where artifacts carry the plan and the sources, until the report', async () => {
      const planned = await detectArch.run(
        parseInputs(detectArch, { handoff: 'artifact', registry: registry() }),
        await jobIn('plan', 'GITHUB_ACTIONS'),
      )
      const plan = planned.plan as string
      expect(plan).toMatch(/^artifact:polyarch-[0-9a-f]{12}-plan$/)
      const leg = legIdOf('web', planned['host-platform'])

      const builder = await jobIn('build', 'GITHUB_ACTIONS')
      const { layout, digest } = await build({ plan, leg }, builder)
      expect(await filesOf(layout, digest, builder)).toEqual(expected)
      await pushDigest.run(parseInputs(pushDigest, { plan, leg, layout, handoff: 'artifact' }), builder)

      const merge = { plan, image: 'web', handoff: 'artifact' }
      const { tags } = await mergeManifest.run(
        parseInputs(mergeManifest, merge),
        await jobIn('merge', 'GITHUB_ACTIONS'),
      )
      expect(tags).toEqual([`${registry()}/web:latest`])
      const reported = await report.run(
        parseInputs(report, { plan, handoff: 'artifact' }),
        await jobIn('report', 'GITHUB_ACTIONS'),
      )
      expect(reported.missing).toEqual([])
    })

    test('on GitLab, where its component keeps the directory of sources', async () => {
      const planner = await jobIn('plan', 'GITLAB_CI')
      const { 'host-platform': platform } = await detectArch.run(
        parseInputs(detectArch, { output: 'plan.json', registry: registry() }),
        planner,
      )
      const builder = await jobIn('build', 'GITLAB_CI')
      await mkdir(join(builder.directory, '.polyarch'))
      for (const path of ['plan.json', '.polyarch/sources'])
        await rename(join(planner.directory, path), join(builder.directory, path))
      const { layout, digest } = await build({ plan: 'plan.json', leg: legIdOf('web', platform) }, builder)
      expect(await filesOf(layout, digest, builder)).toEqual(expected)
    })
  })

  test('says what is missing where an artifact is gone', async () => {
    const planner = await jobIn('plan', 'GITHUB_ACTIONS')
    const planned = await detectArch.run(
      parseInputs(detectArch, { handoff: 'artifact', registry: registry() }),
      planner,
    )
    const artifacts = join(scratch.path, 'artifacts')
    const source = (await readdir(artifacts)).find((name) => name.includes('-source-')) ?? ''
    await rename(join(artifacts, source), join(scratch.path, 'gone'))
    const raw = { plan: planned.plan as string, leg: legIdOf('web', planned['host-platform']) }
    await expect(build(raw, await jobIn('build', 'GITHUB_ACTIONS'))).rejects.toThrow(
      `no job of this run handed on ${source}`,
    )
  })
})
