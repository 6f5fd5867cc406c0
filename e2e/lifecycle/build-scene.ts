// One build of the fixture's application: the directories that its jobs hand on, and the lifecycle's phases in jails.
import { chmod, copyFile, cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { partPath, temporaryDirectory } from '@polyarch/parts'
import { type CommandEnd, runOrThrow } from '../command.ts'
import { user } from './base-images.ts'
import { type JailMount, runInJail } from './jail.ts'
import { environmentOf, pullImage, unpackImage } from './pulled-image.ts'

export interface SceneOptions {
  readonly platformApi: string
  /** The references of the images to build in and to run on. */
  readonly buildImage: string
  readonly runImage: string
  /** The image that phases run in, where it is not the one to build in: this machine runs no other platform's. */
  readonly machineImage?: string
  /** Files below the fixture's directory that are other than there, or absent. */
  readonly files?: Readonly<Record<string, string | undefined>>
}

/** The phases; each starts as root or as the images' user. Analyzer, restorer and exporter drop root's rights themselves. */
const startsAsRoot = {
  analyzer: true,
  detector: false,
  restorer: true,
  extender: true,
  builder: false,
  exporter: true,
  rebaser: true,
}

export type Phase = keyof typeof startsAsRoot

export interface BuildScene extends AsyncDisposable {
  readonly platformApi: string
  /** On this machine: what the jobs share. */
  readonly layers: string
  readonly app: string
  /** What is /cnb in a builder. */
  readonly cnb: string
  readonly environment: Readonly<Record<string, string>>
  /** Runs a phase in a fresh root made of the image. */
  run(phase: Phase, image: string, ...args: string[]): Promise<CommandEnd>
  /** Runs a phase likewise. @throws when it fails. */
  succeed(phase: Phase, image: string, ...args: string[]): Promise<void>
  /** Runs analyzer, detector and restorer. @throws when one fails. */
  prepare(appImage: string): Promise<void>
  /** The same build at this moment, to go on with in another way. */
  fork(): Promise<BuildScene>
}

const fixture = join(import.meta.dirname, 'fixture')

const writeFixture = async (directory: string, { runImage, files = {} }: SceneOptions): Promise<void> => {
  await cp(fixture, directory, { recursive: true })
  await writeFile(join(directory, 'cnb/run.toml'), `[[images]]\nimage = "${runImage}"\n`)
  await mkdir(join(directory, 'cnb/lifecycle'))
  await copyFile(join(dirname(partPath('lifecycle')), 'launcher'), join(directory, 'cnb/lifecycle/launcher'))
  // The lifecycle is one program that does what it is called.
  for (const phase of Object.keys(startsAsRoot))
    await symlink('/lifecycle/lifecycle', join(directory, 'cnb/lifecycle', phase))
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name)
    await rm(path, { recursive: true, force: true })
    if (content === undefined) continue
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
  }
}

/** Where phases find what this machine has; only what jobs hand on can be written. */
const mountsOf = (directory: string): JailMount[] => {
  const lifecycle = dirname(partPath('lifecycle'))
  return [
    { source: join(directory, 'cnb'), target: '/cnb', writable: false },
    { source: lifecycle, target: '/lifecycle', writable: false },
    ...['layers', 'kaniko'].map((name) => ({ source: join(directory, name), target: `/${name}`, writable: true })),
    { source: join(directory, 'app'), target: '/workspace', writable: true },
    { source: join(directory, 'platform'), target: '/platform', writable: false },
  ]
}

const openScene = (directory: string, options: SceneOptions, dispose: () => Promise<void>): BuildScene => {
  const { platformApi, buildImage, machineImage = buildImage } = options
  const environment = {
    CNB_PLATFORM_API: platformApi,
    CNB_USER_ID: String(user.uid),
    CNB_GROUP_ID: String(user.gid),
    CNB_EXPERIMENTAL_MODE: 'warn',
    CNB_NO_COLOR: 'true',
    HOME: '/home/cnb',
  }
  const run: BuildScene['run'] = async (phase, image, ...args) => {
    const root = join(directory, 'root')
    const pulled = await pullImage(image)
    await unpackImage(pulled, root)
    try {
      return await runInJail({
        root,
        mounts: mountsOf(directory),
        command: [`/cnb/lifecycle/${phase}`, ...args],
        ...(startsAsRoot[phase] ? {} : { user }),
        env: { ...environmentOf(pulled), ...environment },
      })
    } finally {
      await rm(root, { recursive: true, force: true })
    }
  }
  const succeed: BuildScene['succeed'] = async (phase, image, ...args) => {
    const { code, log } = await run(phase, image, ...args)
    if (code !== 0) throw new Error(`${phase} ended with ${code}:\n${log}`)
  }
  return {
    platformApi,
    layers: join(directory, 'layers'),
    app: join(directory, 'app'),
    cnb: join(directory, 'cnb'),
    environment,
    run,
    succeed,
    prepare: async (appImage) => {
      await succeed('analyzer', machineImage, '-run', '/cnb/run.toml', appImage)
      await succeed('detector', machineImage)
      await succeed('restorer', machineImage, '-build-image', buildImage)
    },
    fork: async () => {
      const copy = await temporaryDirectory('polyarch-lifecycle')
      await runOrThrow(['cp', '-a', `${directory}/.`, copy.path], { directory: '/' })
      return openScene(copy.path, options, async () => copy[Symbol.asyncDispose]())
    },
    [Symbol.asyncDispose]: dispose,
  }
}

/** A build of the fixture's application that nothing has happened to yet. */
export const createScene = async (options: SceneOptions): Promise<BuildScene> => {
  const directory = await temporaryDirectory('polyarch-lifecycle')
  await chmod(directory.path, 0o755)
  await writeFixture(directory.path, options)
  for (const name of ['layers', 'kaniko', 'platform']) await mkdir(join(directory.path, name))
  for (const name of ['layers', 'app'])
    await runOrThrow(['chown', '-R', `${user.uid}:${user.gid}`, name], { directory: directory.path })
  return openScene(directory.path, options, async () => directory[Symbol.asyncDispose]())
}
