// Builds with kaniko: launcher, executor, preflight, build, in this order, and cleans up whatever happens.
import { join } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { emptyUnusedStages, kanikoLineageOf } from '@polyarch/dockerfile'
import {
  type BuildRequest,
  type BuildWithEngine,
  type EngineResult,
  findIdMapping,
  openPartialLayout,
  openWorkDirectory,
  passPreflight,
  publishBuild,
  type RegistryReach,
  reachRegistries,
  readProxies,
  removeMapped,
  removePlainly,
  requireRunnable,
  runEngine,
  settingsOf,
  stageBuild,
} from '@polyarch/engine'
import { Failure } from '@polyarch/oci'
import type { Stores } from '@polyarch/stores'
import { openCacheDirectory } from './cache-directory.ts'
import { chooseLauncher } from './choose-launcher.ts'
import { openContainerLauncher } from './container-launcher.ts'
import { explainExecutor } from './executor-failure.ts'
import { createExecutorLog } from './executor-log.ts'
import { planExecutor } from './executor-plan.ts'
import { openExecutorFile, openExecutorImage } from './executor-source.ts'
import type { KanikoSettings } from './inputs.ts'
import { openInsideLauncher } from './inside-launcher.ts'
import { openJailLauncher } from './jail-launcher.ts'
import { askEngine } from './known-facts.ts'
import type { Launcher } from './launcher.ts'
import type { BuildDirectories } from './places.ts'

interface Opened {
  readonly launcher: Launcher
  readonly reach: RegistryReach
  readonly cache: string
  readonly work: string
}

const build = async (
  request: BuildRequest,
  settings: KanikoSettings,
  host: Host,
  stores: Stores,
  { launcher, reach, cache, work }: Opened,
): Promise<EngineResult> => {
  const facts = await askEngine(launcher, cache)
  const engine = { engine: 'kaniko', version: facts.version, lineage: kanikoLineageOf(facts.flags) } as const
  const remedies = await passPreflight(request, engine, settings.preflight, stores, host)
  if (launcher.name === 'jail' || launcher.name === 'inside') await requireRunnable(host, request, 'target')
  await using partial = await openPartialLayout(request.layout)
  const directories: BuildDirectories = {
    context: request.context,
    own: join(host.directory, '.polyarch'),
    staging: join(work, 'staging'),
    output: partial.path,
    mounts: request.mounts,
  }
  const access = { ...reach, proxies: readProxies(host.env) }
  const plan = planExecutor(request, facts, launcher.places(directories), access)
  // Most executors build every stage before the target, needed or not.
  const needed = { ...request, dockerfileText: emptyUnusedStages(request.dockerfileText, settingsOf(request)) }
  await stageBuild(host, directories.staging, needed, { logins: reach.logins, caFile: settings['ca-file'] })
  const log = createExecutorLog(
    host.log,
    request.allowances.map(({ finding }) => finding),
  )
  const enforced = settings.preflight === 'enforce'
  const wrongImage = new AbortController()
  host.log.info(`building ${request.name} with kaniko ${facts.version}`)
  const run = await runEngine(
    { request, engine: 'kaniko', words: log, signal: wrongImage.signal },
    host,
    ({ signal, onStart }) =>
      launcher.run(
        {
          ...plan,
          env: { ...plan.env, ...remedies },
          onLine: (line) => {
            log.add(line)
            if (enforced && log.wrongImages.length > 0) wrongImage.abort()
          },
          onStart,
          signal,
        },
        directories,
      ),
  )
  if (enforced && log.wrongImages.length > 0)
    throw new Failure(
      'preflight',
      `${request.name}: kaniko ${facts.version} would build a wrong image: ${log.wrongImages[0]}`,
    )
  if (run.code !== 0)
    throw explainExecutor(request.name, run, log, { build: request.buildPlatform, target: request.platform })
  return { layout: await publishBuild(partial, request, host), version: facts.version, run }
}

/** Builds with kaniko; its executor is only ever started in a root that nobody lives in. */
export const buildWithKaniko: BuildWithEngine<KanikoSettings> = async (request, settings, host, stores) => {
  const { launcher: name, reason } = await chooseLauncher(settings, host)
  host.log.info(`launcher ${name}: ${reason}`)
  const reach = await reachRegistries(request, settings, stores)
  const mapping = name === 'jail' ? await findIdMapping(host) : 'all'
  const removeTree = name === 'jail' ? removeMapped(host, mapping) : removePlainly
  await using work = await openWorkDirectory(host.directory, 'kaniko', removeTree)
  const cache = await openCacheDirectory(host, work.path)
  const image = settings['kaniko-image']
  const openLauncher = async (): Promise<Launcher> => {
    if (name === 'inside') return await openInsideLauncher(host)
    if (name !== 'jail') return openContainerLauncher(host, name, { image, hostNetwork: reach.usesLoopback })
    const { executor: file } = settings
    const executor =
      file === undefined ? await openExecutorImage(host, stores, image, cache) : await openExecutorFile(host, file)
    return openJailLauncher(host, executor, { work: work.path, mapping, removeTree })
  }
  const launcher = await openLauncher()
  return await build(request, settings, host, stores, { launcher, reach, cache, work: work.path })
}
