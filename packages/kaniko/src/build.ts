// Builds with kaniko: launcher, executor, preflight, build, in this order, and cleans up whatever happens.
import { join } from 'node:path'
import { emptyUnusedStages, kanikoLineageOf } from '@polyarch/dockerfile'
import {
  type BuildWithEngine,
  openPartialLayout,
  passPreflight,
  publishBuild,
  reachRegistries,
  readProxies,
  requireRunnable,
  runEngine,
  settingsOf,
  stageBuild,
} from '@polyarch/engine'
import { Failure } from '@polyarch/oci'
import { explainExecutor } from './executor-failure.ts'
import { createExecutorLog } from './executor-log.ts'
import { planExecutor } from './executor-plan.ts'
import type { KanikoSettings } from './inputs.ts'
import { openExecutor } from './open-executor.ts'
import type { BuildDirectories } from './places.ts'

/** Builds with kaniko; its executor is only ever started in a root that nobody lives in. */
export const buildWithKaniko: BuildWithEngine<KanikoSettings> = async (request, settings, host, stores) => {
  const reach = await reachRegistries(request, settings, stores)
  await using executor = await openExecutor(settings, host, stores, reach.usesLoopback)
  const { launcher, facts, work } = executor
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
    { request, engine: 'kaniko', words: log, stores, signal: wrongImage.signal },
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
