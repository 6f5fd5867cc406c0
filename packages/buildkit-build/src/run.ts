// Builds: request, builder, preflight, BuildKit, finished layout, in this order, and cleans up whatever happens.
import { mkdir, rm } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import {
  type BuildRequest,
  type Enclosure,
  type FinishedLayout,
  findEnclosure,
  findLogins,
  finishLayout,
  insecureHosts,
  listRepositories,
  mirrorRepositories,
  openPartialLayout,
  openShortPath,
  openWorkDirectory,
  outputsOf,
  passPreflight,
  readBuildRequest,
  readProxies,
  readSshAgents,
  removeMapped,
  removePlainly,
  requireRunnable,
  settingsOf,
  stageBuild,
  toolPath,
} from '@polyarch/engine'
import { openImageLookup, openStores, parseMirrors } from '@polyarch/stores'
import { explainFailure } from './build-failure.ts'
import { openBuildctl } from './buildctl-builder.ts'
import type { Builder } from './builder.ts'
import { openBuildx } from './buildx-builder.ts'
import { type Choice, chooseBuilder } from './choose-builder.ts'
import type { RegistryAccess } from './configuration.ts'
import type { Inputs } from './inputs.ts'
import type { Outputs } from './outputs.ts'
import { startBuildkitd } from './own-buildkitd.ts'
import { places } from './places.ts'
import { planEnvironment } from './plan.ts'
import { createProgress } from './progress.ts'

interface Opening {
  readonly work: string
  readonly env: Record<string, string>
  readonly access: RegistryAccess
}

const openRemote = async (
  host: Host,
  inputs: Inputs,
  address: string,
  { work, env, access }: Opening,
): Promise<Builder> => {
  if (
    Object.keys(access.mirrors).length > 0 ||
    inputs['insecure-registries'].length > 0 ||
    inputs['ca-file'] !== undefined
  )
    host.log.warning(
      `how base images are pulled is for the buildkitd at ${address} to know: Polyarch cannot tell it mirrors, insecure registries or certificates`,
    )
  const tls = inputs['buildkit-tls']
  const connection = {
    address,
    tls: tls === undefined ? undefined : resolve(host.directory, tls),
    name: `input buildkit-host: ${address}`,
  }
  const client = await openBuildctl(host, connection, work, env)
  // Nothing was started for it.
  return { ...client, runsHere: false, [Symbol.asyncDispose]: async () => undefined }
}

const build = async (
  request: BuildRequest,
  inputs: Inputs,
  host: Host,
  builder: Builder,
  options: { readonly ssh: readonly string[]; readonly insecure: readonly string[] },
): Promise<FinishedLayout> => {
  const progress = createProgress(host.log, relative(host.directory, request.dockerfile))
  await using partial = await openPartialLayout(request.layout)
  const { provenance, sbom } = inputs
  const { code } = await host.log.group(`BuildKit ${request.name}`, () =>
    builder.build(request, { ...options, output: partial.path, provenance, sbom }, (line) => progress.add(line)),
  )
  host.signal.throwIfAborted()
  if (code !== 0) throw explainFailure(request.name, code, progress)
  if (progress.cached > 0) host.log.info(`${progress.cached} steps came from the cache`)
  // containerd's store keeps unfinished uploads there.
  await rm(join(partial.path, 'ingest'), { recursive: true, force: true })
  const layout = await finishLayout(partial.path, request.platform)
  await partial.publish()
  return layout
}

const openBuilder = async (
  choice: Choice,
  inputs: Inputs,
  host: Host,
  opening: Opening,
  enclosure: Enclosure | undefined,
): Promise<Builder> => {
  if (choice.builder === 'remote') return await openRemote(host, inputs, choice.address, opening)
  if (enclosure === undefined) return await openBuildx(host, opening.work, opening.env, opening.access)
  const { 'buildkit-state': state, 'buildkitd-args': args } = inputs
  return await startBuildkitd(host, { ...opening, enclosure, state, args })
}

/** Builds what the inputs ask for; the layout exists afterwards only if it is whole and right. */
export const run = async (inputs: Inputs, host: Host): Promise<Outputs> => {
  const request = await readBuildRequest(inputs, host, 'buildkit')
  const choice = await chooseBuilder(inputs, host)
  host.log.info(`builder ${choice.builder}: ${choice.reason}`)
  await using stores = await openStores(inputs, host)
  const sources = listRepositories(request, request.dockerfileText)
  const mirrors = parseMirrors(inputs['registry-mirrors'])
  const repositories = [...sources, ...mirrorRepositories(sources, mirrors)]
  const access = { insecure: insecureHosts(repositories, inputs['insecure-registries']), mirrors }
  const enclosure = choice.builder === 'buildkitd' ? await findEnclosure(host, 'input builder: buildkitd') : undefined
  const removeTree = enclosure ? removeMapped(host, enclosure.mapping) : removePlainly
  await using work = await openWorkDirectory(host.directory, 'buildkit', removeTree)
  for (const name of [places.run, places.temporary]) await mkdir(join(work.path, name), { mode: 0o700 })
  const { agents, socket } = readSshAgents(host, inputs.ssh)
  const logins = await findLogins(stores, repositories)
  await stageBuild(host, join(work.path, places.staging), request, { logins, caFile: inputs['ca-file'] })
  // Agents are handed to the build as sockets in the temporary directory.
  await using temporary = agents.length > 0 ? await openShortPath(join(work.path, places.temporary)) : undefined
  const env = planEnvironment(work.path, {
    temporary: temporary?.path,
    path: toolPath(host.env),
    proxies: readProxies(host.env),
    sshSocket: socket,
    certificates: host.env['SSL_CERT_DIR'],
  })
  const opening = { work: work.path, env, access }
  await using builder = await openBuilder(choice, inputs, host, opening, enclosure)
  await passPreflight(
    {
      text: request.dockerfileText,
      dockerfile: request.dockerfile,
      settings: settingsOf(request),
      engine: { engine: 'buildkit', version: builder.version },
      mode: inputs.preflight,
      allowances: request.allowances,
    },
    openImageLookup(stores),
    host,
  )
  if (builder.runsHere) await requireRunnable(host, request, request.dockerfileText, 'stage')
  host.log.info(`building ${request.name} with BuildKit ${builder.version}`)
  const layout = await build(request, inputs, host, builder, { ssh: agents, insecure: access.insecure })
  host.log.info(`${request.name}: ${layout.manifest.digest} in ${request.layout}`)
  return outputsOf(request.layout, layout, builder.version)
}
