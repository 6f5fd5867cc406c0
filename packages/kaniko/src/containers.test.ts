// The executor in a container of its image, with a real docker daemon and a real podman.
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { type Host, openHost, parseInputs } from '@polyarch/ci-host'
import { hostPlatform } from '@polyarch/engine'
import { parseStoreLocation } from '@polyarch/oci'
import {
  type BaseRegistry,
  lacks,
  partPath,
  pushSampleImage,
  readImage,
  sampleImage,
  startBaseRegistry,
  startDocker,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@polyarch/parts'
import { openStores, storeInputs } from '@polyarch/stores'
import { pack } from 'tar-stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { build } from './testing/build-scene.ts'

const run = promisify(execFile)

/** An image that holds nothing but the executor, as kaniko's does. */
const pushKanikoImage = async (registry: BaseRegistry): Promise<string> => {
  const tar = pack()
  tar.entry({ name: 'kaniko/executor', mode: 0o755 }, await readFile(partPath('kaniko-1.25.15')))
  tar.finalize()
  const image = `${registry.host}/kaniko`
  await using stores = await openStores(parseInputs({ inputs: z.object(storeInputs) }, {}), openHost({}, '/'))
  const store = stores.open(parseStoreLocation(image))
  await pushSampleImage(store, sampleImage(hostPlatform(), [await buffer(tar)]), 'v1')
  return `${image}:v1`
}

/** What starts containers: the client's variables, what it says, and how the image gets to where it looks. */
interface Engine extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>
  say(...args: string[]): Promise<string>
  load(image: string): Promise<unknown>
}

const openDocker = async (): Promise<Engine> => {
  const docker = await startDocker()
  // It fetches by itself, from loopback without TLS.
  return { ...docker, say: (...args) => docker.docker(...args), load: async () => undefined }
}

const openPodman = async (registry: string): Promise<Engine> => {
  const directory = await temporaryDirectory('polyarch-podman')
  const at = (name: string): string => join(directory.path, name)
  const storage = [
    'driver = "vfs"',
    `graphroot = ${JSON.stringify(at('graph'))}`,
    `runroot = ${JSON.stringify(at('run'))}`,
  ]
  await writeFile(at('storage.conf'), `[storage]\n${storage.join('\n')}\n`)
  // Without systemd, and where the limits of this process cannot be raised.
  const engine = '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
  await writeFile(
    at('containers.conf'),
    `${engine}[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n`,
  )
  await writeFile(at('registries.conf'), `[[registry]]\nlocation = ${JSON.stringify(registry)}\ninsecure = true\n`)
  const env = {
    CONTAINERS_STORAGE_CONF: at('storage.conf'),
    CONTAINERS_CONF: at('containers.conf'),
    CONTAINERS_REGISTRIES_CONF: at('registries.conf'),
  }
  const say = async (...args: string[]): Promise<string> =>
    (await run(partPath('podman'), args, { env: { ...process.env, ...env } })).stdout
  return {
    env,
    say,
    load: (image) => say('pull', '--quiet', image),
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  }
}

describe.each([
  ['docker', openDocker],
  ['podman', openPodman],
] as const)('launcher %s', (launcher, openEngine) => {
  const missing = lacks(
    'root',
    launcher,
    'kaniko-1.25.15',
    'docker-registry',
    'skopeo',
    'busybox-amd64',
    'busybox-arm64',
  )
  describe.skipIf(missing)('runs the executor in a container', () => {
    let registry: BaseRegistry
    let engine: Engine
    let image: string
    let workspace: TemporaryDirectory

    beforeAll(async () => {
      registry = await startBaseRegistry()
      engine = await openEngine(registry.host)
      image = await pushKanikoImage(registry)
      await engine.load(image)
      workspace = await temporaryDirectory()
    })
    afterAll(async () => {
      await workspace[Symbol.asyncDispose]()
      await engine[Symbol.asyncDispose]()
      await registry.stop()
    })

    const openIn = (directory: string): Host =>
      openHost({ PATH: process.env['PATH'], HOME: join(directory, '.home'), ...engine.env }, directory)
    const prepare = async (name: string, dockerfile: string): Promise<Host> => {
      const directory = join(workspace.path, name)
      await mkdir(directory)
      await writeFile(join(directory, 'Dockerfile'), dockerfile)
      return openIn(directory)
    }
    const inputs = (): Record<string, string> => ({ launcher, 'kaniko-image': image, layout: 'out' })
    /** Containers that are there, running or not. */
    const containers = async (): Promise<string> => (await engine.say('ps', '--all', '--quiet')).trim()

    test('and leaves the layout to this user, and no container', async () => {
      const copied = 'COPY greeting /greeting'
      const host = await prepare(
        'whole',
        `FROM ${registry.base}\nARG TARGETARCH\n${copied}\nRUN echo "$TARGETARCH" > /arch\n`,
      )
      await writeFile(join(host.directory, 'greeting'), 'hello\n')
      const { layout, version } = await build(host, inputs())
      const { files, config } = await readImage({ layout: layout.directory, digest: layout.manifest.digest })
      expect(files['greeting']?.text).toBe('hello\n')
      expect(files['arch']?.text).toBe(`${hostPlatform().architecture}\n`)
      expect(config).toMatchObject(hostPlatform())
      expect(version).toBe('1.25.15')
      expect((await stat(join(layout.directory, 'index.json'))).uid).toBe(process.getuid?.())
      expect((await readdir(host.directory)).toSorted()).toEqual(['.home', 'Dockerfile', 'greeting', 'out'])
      expect(await containers()).toBe('')
    })

    test('and ends with it where the build fails', async () => {
      const host = await prepare('failing', `FROM ${registry.base}\nRUN echo no such luck && exit 3\n`)
      await expect(build(host, inputs())).rejects.toMatchObject({
        kind: 'build',
        message: expect.stringMatching(/no such luck|exit status 3/),
      })
      expect(await readdir(host.directory)).not.toContain('out')
      expect(await containers()).toBe('')
    })

    test('and takes it along where the job is cancelled', async () => {
      const host = await prepare('cancelled', `FROM ${registry.base}\nRUN echo started && sleep 600\n`)
      const cancelled = new AbortController()
      const log = Object.assign(Object.create(host.log) as Host['log'], {
        info: (line: string) => {
          if (/started/.test(line)) cancelled.abort(new Error('the job was cancelled'))
        },
      })
      const job = Object.assign(Object.create(host) as Host, {
        log,
        signal: cancelled.signal,
        exec: ((command) =>
          host.exec(
            command.cleanup
              ? command
              : {
                  ...command,
                  signal: AbortSignal.any([cancelled.signal, ...(command.signal ? [command.signal] : [])]),
                },
          )) as Host['exec'],
      })
      await expect(build(job, inputs())).rejects.toThrow()
      expect(cancelled.signal.aborted).toBe(true)
      expect(await containers()).toBe('')
    })

    test('and says which image there is not', async () => {
      const host = await prepare('no-image', 'FROM scratch\nCOPY Dockerfile /\n')
      const other = `${registry.host}/no-such-image:v1`
      await expect(build(host, { ...inputs(), 'kaniko-image': other })).rejects.toMatchObject({
        kind: 'input',
        message: expect.stringContaining(`input kaniko-image: ${launcher} could not run ${other}`),
      })
    })

    test('and says that the image’s registry does not answer', async () => {
      const host = await prepare('no-registry', 'FROM scratch\nCOPY Dockerfile /\n')
      const other = 'localhost:1/kaniko:v1'
      await expect(build(host, { ...inputs(), 'kaniko-image': other })).rejects.toMatchObject({
        kind: 'registry',
        message: expect.stringContaining(`${launcher} could not run ${other}`),
      })
    })

    test('and starts nothing for what is no reference', async () => {
      const host = await prepare('no-reference', 'FROM scratch\nCOPY Dockerfile /\n')
      await expect(build(host, { ...inputs(), 'kaniko-image': '--privileged' })).rejects.toMatchObject({
        kind: 'input',
        message: expect.stringContaining('input kaniko-image: invalid reference'),
      })
    })
  })
})
