// Builds: request, launcher, executor, finished layout, in this order, and cleans up whatever happens.
import { join } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { emptyUnusedStages, kanikoLineageOf } from '@polyarch/dockerfile'
import {
  type BuildRequest,
  type FinishedLayout,
  findIdMapping,
  findLogins,
  finishLayout,
  type IdMapping,
  insecureHosts,
  listRepositories,
  openPartialLayout,
  openWorkDirectory,
  passPreflight,
  type RemoveTree,
  readBuildRequest,
  readProxies,
  removeMapped,
  removePlainly,
  requireRunnable,
  settingsOf,
  stageBuild,
} from '@polyarch/engine'
import { Failure, formatPlatform, type Repository } from '@polyarch/oci'
import { openImageLookup, openStores, parseMirrors, type Stores } from '@polyarch/stores'
import { openCacheDirectory } from './cache-directory.ts'
import { chooseLauncher } from './choose-launcher.ts'
import { openContainerLauncher } from './container-launcher.ts'
import { explainFailure } from './executor-failure.ts'
import { createExecutorLog } from './executor-log.ts'
import { openExecutorFile, openExecutorImage } from './executor-source.ts'
import type { Inputs } from './inputs.ts'
import { openInsideLauncher } from './inside-launcher.ts'
import { openJailLauncher } from './jail-launcher.ts'
import { askEngine } from './known-facts.ts'
import type { Launcher } from './launcher.ts'
import type { Outputs } from './outputs.ts'
import type { BuildDirectories } from './places.ts'
import { planBuild } from './plan.ts'

interface Opened {
  readonly launcher: Launcher
  readonly cache: string
  readonly work: string
}

/** Everything that a launcher needs, opened in the work directory. */
const openLauncher = async (
  name: Launcher['name'],
  mapping: IdMapping,
  inputs: Inputs,
  host: Host,
  stores: Stores,
  settings: {
    readonly work: string
    readonly cache: string
    readonly removeTree: RemoveTree
    readonly hostNetwork: boolean
  },
): Promise<Launcher> => {
  const image = inputs['kaniko-image']
  switch (name) {
    case 'inside':
      return await openInsideLauncher(host)
    case 'docker':
    case 'podman':
      return openContainerLauncher(host, name, { image, hostNetwork: settings.hostNetwork })
    case 'jail': {
      const executor =
        inputs.executor === undefined
          ? await openExecutorImage(host, stores, image, settings.cache)
          : await openExecutorFile(host, inputs.executor)
      return openJailLauncher(host, executor, { ...settings, mapping })
    }
  }
}

const build = async (
  request: BuildRequest,
  inputs: Inputs,
  host: Host,
  stores: Stores,
  { launcher, cache, work }: Opened,
  repositories: readonly Repository[],
  dockerfile: string,
): Promise<{ layout: FinishedLayout; version: string }> => {
  const facts = await askEngine(launcher, cache)
  const remedies = await passPreflight(
    {
      text: dockerfile,
      dockerfile: request.dockerfile,
      settings: settingsOf(request),
      engine: { engine: 'kaniko', version: facts.version, lineage: kanikoLineageOf(facts.flags) },
      mode: inputs.preflight,
      allowances: request.allowances,
    },
    openImageLookup(stores),
    host,
  )
  await using partial = await openPartialLayout(request.layout)
  const directories: BuildDirectories = {
    context: request.context,
    own: join(host.directory, '.polyarch'),
    staging: join(work, 'staging'),
    output: partial.path,
  }
  const plan = planBuild(request, facts, launcher.places(directories), {
    insecure: insecureHosts(repositories, inputs['insecure-registries']),
    mirrors: parseMirrors(inputs['registry-mirrors']),
    proxies: readProxies(host.env),
  })
  const logins = await findLogins(stores, repositories)
  // Most executors build every stage before the target, needed or not.
  const needed = { ...request, dockerfileText: emptyUnusedStages(dockerfile, settingsOf(request)) }
  await stageBuild(host, directories.staging, needed, { logins, caFile: inputs['ca-file'] })
  const log = createExecutorLog(
    host.log,
    request.allowances.map(({ finding }) => finding),
  )
  const enforced = inputs.preflight === 'enforce'
  const wrongImage = new AbortController()
  host.log.info(`building ${request.name} with kaniko ${facts.version}`)
  const { code } = await host.log.group(`kaniko ${request.name}`, () =>
    launcher.run(
      {
        ...plan,
        env: { ...plan.env, ...remedies },
        onLine: (line) => {
          log.add(line)
          if (enforced && log.wrongImages.length > 0) wrongImage.abort()
        },
        signal: wrongImage.signal,
      },
      directories,
    ),
  )
  host.signal.throwIfAborted()
  if (enforced && log.wrongImages.length > 0)
    throw new Failure(
      'preflight',
      `${request.name}: kaniko ${facts.version} would build a wrong image: ${log.wrongImages[0]}`,
    )
  if (code !== 0)
    throw explainFailure(request.name, code, log, { build: request.buildPlatform, target: request.platform })
  const layout = await finishLayout(partial.path, request.platform)
  await partial.publish()
  return { layout, version: facts.version }
}

/** Builds what the inputs ask for; the layout exists afterwards only if it is whole and right. */
export const run = async (inputs: Inputs, host: Host): Promise<Outputs> => {
  const request = await readBuildRequest(inputs, host, 'kaniko')
  const dockerfile = request.dockerfileText
  const repositories = listRepositories(request, dockerfile)
  const { launcher: name, reason } = await chooseLauncher(inputs, host)
  host.log.info(`launcher ${name}: ${reason}`)
  if (name === 'jail' || name === 'inside') await requireRunnable(host, request, dockerfile, 'target')
  await using stores = await openStores(inputs, host)
  const mapping = name === 'jail' ? await findIdMapping(host) : 'all'
  const removeTree = name === 'jail' ? removeMapped(host, mapping) : removePlainly
  await using work = await openWorkDirectory(host.directory, 'kaniko', removeTree)
  const cache = await openCacheDirectory(host, work.path)
  const hostNetwork = insecureHosts(repositories, []).length > 0
  const settings = { work: work.path, cache, removeTree, hostNetwork }
  const launcher = await openLauncher(name, mapping, inputs, host, stores, settings)
  const { layout, version } = await build(
    request,
    inputs,
    host,
    stores,
    { launcher, cache, work: work.path },
    repositories,
    dockerfile,
  )
  const { manifest, platform } = layout
  host.log.info(`${request.name}: ${manifest.digest} in ${request.layout}`)
  return {
    layout: request.layout,
    digest: manifest.digest,
    'media-type': manifest.mediaType,
    size: manifest.size,
    platform: formatPlatform(platform),
    'engine-version': version,
  }
}
