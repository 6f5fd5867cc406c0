// What the lifecycle's phases leave for an extender, on a registry with a run image of the test's own.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { openHost, parseInputs, type RawInputs } from '@polyarch/ci-host'
import { openLayout } from '@polyarch/layout'
import { copyManifest, getImageConfig, type ImageConfig, parseIndex, parseManifest } from '@polyarch/oci'
import {
  type BaseImageOptions,
  type RunningRegistry,
  sampleBlob,
  sampleContent,
  sampleManifest,
  startRegistry,
  type TemporaryDirectory,
  temporaryDirectory,
  writeBaseImage,
} from '@polyarch/parts'
import { openStores } from '@polyarch/stores'
import type { Outputs } from '../outputs.ts'
import { run } from '../run.ts'
import { step } from '../step.ts'

/** An extension by its id: what it generated, by file name; `Dockerfile` alone is the one for run images. */
export type GeneratedFiles = Readonly<Record<string, Readonly<Record<string, string>>>>

export interface Scene extends AsyncDisposable {
  readonly directory: string
  readonly registry: RunningRegistry
  /** HOST/run@sha256:…, of the image for this machine. */
  readonly base: string
  readonly layers: string
  readonly app: string
  /** What the log said so far, one line each, with its level first. */
  readonly told: string[]
  /** Puts the image with another config in the place of the base; one without diff_ids has no layers. */
  changeBase(change: (config: ImageConfig) => object): Promise<void>
  /** Runs the step in the scene; inputs as flags would give them. */
  extend(raw?: RawInputs): Promise<Outputs>
}

export interface SceneOptions {
  readonly base?: BaseImageOptions
  readonly api?: string
  readonly generated: GeneratedFiles
  /** Directories of programs, before those of PATH. */
  readonly programs?: readonly string[]
  /** Whether the registry asks for a login; then the environment has it as a lifecycle gets it. */
  readonly login?: boolean
  /** More of analyzed.toml. */
  readonly analyzed?: string
}

/** Writes files with their directories. */
export const writeFiles = async (directory: string, files: Readonly<Record<string, string>>): Promise<void> => {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true })
    await writeFile(join(directory, name), text)
  }
}

/** A run image like those of buildpacks: with a user, some layers and a label. */
export const runImage: BaseImageOptions = {
  platforms: ['linux/amd64'],
  layers: [
    [
      { name: 'cnb/', type: 'directory', mode: 0o755 },
      { name: 'cnb/run', content: 'run\n' },
    ],
    [{ name: 'home/cnb/', type: 'directory', mode: 0o755, uid: 1000, gid: 1001 }],
  ],
  config: {
    User: '1000:1001',
    Env: ['PATH=/bin', 'CNB_USER_ID=1000'],
    Labels: { 'io.buildpacks.rebasable': 'true', own: 'x' },
  },
}

/** Sets the scene up below a temporary directory. */
export const openScene = async (options: SceneOptions): Promise<Scene> => {
  const workspace: TemporaryDirectory = await temporaryDirectory('extend')
  const registry = await startRegistry({ auth: options.login === true ? 'htpasswd' : 'none' })
  const [layers, app] = [join(workspace.path, 'layers'), join(workspace.path, 'app')]
  const told: string[] = []
  const { login } = registry
  const basic = login && Buffer.from(`${login.username}:${login.password}`).toString('base64')
  const settings = {
    'registry-auth': login ? [`${registry.host}=${login.username}:${login.password}`] : [],
    'insecure-registries': [],
    'registry-mirrors': [],
  }
  const opened = openHost(
    {
      PATH: [...(options.programs ?? []), process.env['PATH']].join(delimiter),
      HOME: join(workspace.path, '.home'),
      ...(basic ? { CNB_REGISTRY_AUTH: JSON.stringify({ [registry.host]: `Basic ${basic}` }) } : {}),
    },
    workspace.path,
  )
  const tell =
    (level: string) =>
    (message: string): void =>
      void told.push(`${level}: ${message}`)
  const log = {
    debug: tell('debug'),
    info: tell('info'),
    warning: tell('warning'),
    error: tell('error'),
    group: <T>(_title: string, work: () => Promise<T>) => work(),
  }
  const host = { ...opened, log }
  const image = join(workspace.path, '.base')
  await mkdir(image)
  await writeBaseImage(image, options.base ?? runImage)
  const layout = openLayout(image)
  const [child] = parseIndex((await layout.getManifest('latest')).bytes).manifests
  if (child === undefined) throw new Error('the base image has no platform')
  const repository = { host: registry.host, name: 'run' }
  await using stores = await openStores(settings, host)
  await copyManifest(layout, stores.open({ kind: 'registry', repository }), child)
  const changeBase: Scene['changeBase'] = async (change) => {
    await using own = await openStores(settings, host)
    const store = own.open({ kind: 'registry', repository })
    const manifest = parseManifest((await layout.getManifest(child.digest)).bytes)
    const changed = change(await getImageConfig(layout, manifest.config)) as ImageConfig
    const config = sampleBlob(JSON.stringify(changed), manifest.config.mediaType)
    await store.pushBlob(config.descriptor, sampleContent(config.bytes))
    const kept = manifest.layers.slice(0, changed.rootfs.diff_ids.length)
    const next = sampleManifest({ ...manifest, config: config.descriptor, layers: kept } as {
      readonly mediaType: string
    })
    await store.pushManifest(next)
    const file = join(layers, 'analyzed.toml')
    await writeFile(file, (await readFile(file, 'utf8')).replaceAll(child.digest, next.descriptor.digest))
  }
  const base = `${registry.host}/run@${child.digest}`
  const { api = '0.13', generated } = options
  const files = Object.entries(generated).flatMap(([id, ofExtension]) =>
    Object.entries(ofExtension).map(([name, text]) => [`generated/${id.replaceAll('/', '_')}/${name}`, text]),
  )
  await writeFiles(layers, {
    'analyzed.toml': `[run-image]\n  reference = "${base}"\n  extend = true\n${options.analyzed ?? ''}\n[build-image]\n  reference = "${base}"\n`,
    'group.toml': `[[group]]\nid = "app"\nversion = "1"\napi = "0.10"\n${Object.keys(generated)
      .map((id) => `\n[[group-extensions]]\nid = "${id}"\nversion = "1.0"\napi = "0.10"\n`)
      .join('')}`,
    ...Object.fromEntries(files),
  })
  await writeFiles(app, { 'source.txt': 'source\n' })
  return {
    directory: workspace.path,
    registry,
    base,
    layers,
    app,
    told,
    changeBase,
    extend: (raw = {}) =>
      run(
        parseInputs(step, {
          'platform-api': api,
          kind: 'run',
          layers: 'layers',
          app: 'app',
          platform: 'platform',
          ...raw,
        }),
        host,
      ),
    [Symbol.asyncDispose]: async () => {
      await registry.stop()
      await workspace[Symbol.asyncDispose]()
    },
  }
}
