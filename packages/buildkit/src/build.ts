// Builds with BuildKit: builder, preflight, build, in this order, and cleans up whatever happens.
import { rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import {
  type BuildRequest,
  type BuildWithEngine,
  type EngineResult,
  explainFailure,
  findEnclosure,
  openPartialLayout,
  openProgramEnvironment,
  openWorkDirectory,
  passPreflight,
  publishBuild,
  type RunSettings,
  reachRegistries,
  removeMapped,
  removePlainly,
  requireRunnable,
  requireSeveralIds,
  runEngine,
  stageBuild,
  staged,
} from '@polyarch/engine'
import { inputFailure } from '@polyarch/oci'
import { manner } from './build-failure.ts'
import type { Builder } from './builder.ts'
import { openBuildx } from './buildx-builder.ts'
import { chooseBuilder } from './choose-builder.ts'
import type { BuildOptions } from './command-line.ts'
import { requestDevice } from './device-mounts.ts'
import type { BuildkitSettings } from './inputs.ts'
import { startBuildkitd } from './own-buildkitd.ts'
import { places } from './places.ts'
import { createProgress } from './progress.ts'
import { openRemote } from './remote-builder.ts'

const build = async (
  request: BuildRequest,
  host: Host,
  builder: Builder,
  options: Omit<BuildOptions, 'output'>,
  stores: RunSettings['stores'],
): Promise<EngineResult> => {
  const progress = createProgress(host.log, relative(host.directory, request.dockerfile))
  await using partial = await openPartialLayout(request.layout)
  const run = await runEngine({ request, engine: 'BuildKit', words: progress, stores }, host, ({ signal, onStart }) => {
    if (builder.pid !== undefined) onStart(builder.pid)
    return builder.build(
      request,
      { ...options, output: partial.path },
      { signal, onLine: (line) => progress.add(line) },
    )
  })
  if (run.code !== 0) throw explainFailure(request.name, manner, run, progress)
  // containerd's store keeps unfinished uploads there.
  await rm(join(partial.path, 'ingest'), { recursive: true, force: true })
  return { layout: await publishBuild(partial, request, host), version: builder.version, run }
}

/** Builds with a buildkitd that it starts and ends, one that is given, or docker buildx. */
export const buildWithBuildkit: BuildWithEngine<BuildkitSettings> = async (request, settings, host, stores) => {
  const choice = await chooseBuilder(settings, host)
  host.log.info(`builder ${choice.builder}: ${choice.reason}`)
  const { mounts } = request
  if (mounts.length > 0 && choice.builder !== 'buildkitd')
    throw inputFailure(
      `input builder: commands of this build work on ${mounts[0]?.directory}, which only a buildkitd that the step starts can give them, not builder ${choice.builder}`,
    )
  const reach = await reachRegistries(request, settings, stores)
  const enclosure = choice.builder === 'buildkitd' ? await findEnclosure(host, 'input builder: buildkitd') : undefined
  const removeTree = enclosure ? removeMapped(host, enclosure.mapping) : removePlainly
  await using work = await openWorkDirectory(host.directory, 'buildkit', removeTree)
  await using program = await openProgramEnvironment(host, work.path, settings.ssh)
  const text = request.dockerfileText
  const staging = { ...request, dockerfileText: mounts.length > 0 ? requestDevice(text) : text }
  await stageBuild(host, join(work.path, places.staging), staging, {
    logins: reach.logins,
    caFile: settings['ca-file'],
  })
  const env = { ...program.env, DOCKER_CONFIG: join(work.path, staged.docker) }
  const openBuilder = async (): Promise<Builder> => {
    if (choice.builder === 'remote') return await openRemote(host, settings, choice.address, work.path, env)
    if (enclosure === undefined) return await openBuildx(host, work.path, env, reach)
    const { 'buildkit-state': state, 'buildkitd-args': args } = settings
    return await startBuildkitd(host, { work: work.path, env, access: reach, enclosure, mounts, state, args })
  }
  await using builder = await openBuilder()
  const { version } = builder
  await passPreflight(request, { engine: 'buildkit', version }, settings.preflight, stores, host)
  if (builder.runsHere) await requireRunnable(host, request, 'stage')
  if (enclosure) requireSeveralIds(host, request, enclosure, 'BuildKit')
  host.log.info(`building ${request.name} with BuildKit ${version}`)
  const { provenance, sbom } = settings
  const options = { provenance, sbom, ssh: program.agents, insecure: reach.insecure }
  return await build(request, host, builder, options, stores)
}
