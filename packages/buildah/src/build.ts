// Builds with buildah: preflight, build, export, in this order, and cleans up whatever happens.
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { automaticArgs } from '@polyarch/dockerfile'
import {
  type BuildRequest,
  type BuildWithEngine,
  type Enclosure,
  type EngineResult,
  explainFailure,
  findEnclosure,
  openPartialLayout,
  openProgramEnvironment,
  openWorkDirectory,
  passPreflight,
  publishBuild,
  reachRegistries,
  removeMapped,
  requireRunnable,
  requireSeveralIds,
  runEngine,
  stageBuild,
} from '@polyarch/engine'
import { Failure } from '@polyarch/oci'
import type { Stores } from '@polyarch/stores'
import { askVersion, openBuildah, writeConfiguration } from './buildah.ts'
import { planBuild, planEnvironment, planExport } from './command-line.ts'
import { manner } from './engine-failure.ts'
import { createEngineLog } from './engine-log.ts'
import { blobDirectory, writeLayout } from './exported-image.ts'
import type { BuildahSettings } from './inputs.ts'
import { places } from './places.ts'
import { statePlatforms } from './stated-platforms.ts'
import { chooseStorage } from './storage.ts'
import { openVolumes } from './volumes.ts'

const build = async (
  request: BuildRequest,
  settings: BuildahSettings,
  host: Host,
  stores: Stores,
  enclosure: Enclosure,
  work: string,
): Promise<Omit<EngineResult, 'version'>> => {
  const reach = await reachRegistries(request, settings, stores)
  await writeConfiguration(work, reach)
  const { driver, reason } = await chooseStorage(host, settings['storage-driver'], enclosure, join(work, 'probe'))
  host.log.info(`storage ${driver}: ${reason}`)
  const stated = { ...request, dockerfileText: statePlatforms(request.dockerfileText, request.platform) }
  await stageBuild(host, join(work, places.staging), stated, { logins: reach.logins, caFile: settings['ca-file'] })
  await using partial = await openPartialLayout(request.layout)
  await mkdir(blobDirectory(partial.path), { recursive: true })
  await using volumes = await openVolumes(request.mounts)
  await using program = await openProgramEnvironment(host, work, settings.ssh)
  const outside =
    enclosure.mapping === 'all' ? undefined : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
  const buildah = openBuildah(host, enclosure, work, planEnvironment(program.env, work, outside))
  const log = createEngineLog(host.log, new Set(Object.keys(automaticArgs(request.buildPlatform, request.platform))))
  const args = planBuild(request, driver, { ssh: program.agents, volumes: volumes.values })
  const run = await runEngine({ request, engine: 'buildah', words: log, stores }, host, (control) =>
    buildah(args, { ...control, onLine: (line, stream) => log.add(line, stream) }),
  )
  if (run.code !== 0) throw explainFailure(request.name, manner, run, log)
  const imageId = (await readFile(join(work, places.imageId), 'utf8')).trim()
  const exported = await buildah(planExport(driver, imageId, blobDirectory(partial.path)))
  host.signal.throwIfAborted()
  if (exported.code !== 0)
    throw new Failure('build', `${request.name}: buildah push failed: ${exported.stderr.trim().split('\n').at(-1)}`)
  await writeLayout(partial.path, request.annotations)
  return { layout: await publishBuild(partial, request, host), run }
}

/** Builds with the buildah of this machine, as root or in a user namespace. */
export const buildWithBuildah: BuildWithEngine<BuildahSettings> = async (request, settings, host, stores) => {
  const version = await askVersion(host)
  await passPreflight(request, { engine: 'buildah', version }, settings.preflight, stores, host)
  await requireRunnable(host, request, 'stage')
  const enclosure = await findEnclosure(host, 'buildah')
  requireSeveralIds(host, request, enclosure, 'buildah')
  await using work = await openWorkDirectory(host.directory, 'buildah', removeMapped(host, enclosure.mapping))
  host.log.info(`building ${request.name} with buildah ${version}`)
  return { ...(await build(request, settings, host, stores, enclosure, work.path)), version }
}
