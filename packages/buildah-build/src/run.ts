// Builds: request, preflight, buildah, finished layout, in this order, and cleans up whatever happens.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CommandResult, Host } from '@polyarch/ci-host'
import { automaticArgs } from '@polyarch/dockerfile'
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
  requireRunnable,
  settingsOf,
  stageBuild,
  toolPath,
} from '@polyarch/engine'
import { Failure, inputFailure } from '@polyarch/oci'
import { openImageLookup, openStores, parseMirrors, type Stores } from '@polyarch/stores'
import { acceptingPolicy, formatRegistries } from './configuration.ts'
import { explainFailure } from './engine-failure.ts'
import { createEngineLog } from './engine-log.ts'
import { blobDirectory, writeLayout } from './exported-image.ts'
import type { Inputs } from './inputs.ts'
import type { Outputs } from './outputs.ts'
import { places } from './places.ts'
import { planBuild, planEnvironment, planExport } from './plan.ts'
import { statePlatforms } from './stated-platforms.ts'
import { chooseStorage } from './storage.ts'

/** The version that buildah says it has. @throws {Failure} input, when there is no buildah. */
const askVersion = async (host: Host): Promise<string> => {
  const { code, stdout, stderr } = await host.exec({
    file: 'buildah',
    args: ['--version'],
    directory: '/',
    env: { PATH: toolPath(host.env), HOME: '/' },
  })
  const version = /^buildah version (\S+)/.exec(stdout)?.[1]
  if (code === 0 && version !== undefined) return version
  throw inputFailure(`buildah --version ended with ${code}: ${stderr.trim().split('\n').at(-1)}`)
}

const writeConfiguration = async (
  inputs: Inputs,
  work: string,
  repositories: ReturnType<typeof listRepositories>,
): Promise<void> => {
  for (const name of [places.run, places.temporary, places.noRegistries, 'probe']) await mkdir(join(work, name))
  const registries = formatRegistries({
    insecure: insecureHosts(repositories, inputs['insecure-registries']),
    mirrors: parseMirrors(inputs['registry-mirrors']),
  })
  const files = {
    [places.registries]: registries,
    [places.policy]: acceptingPolicy,
    [places.containers]: '',
    // buildah warns where it says nothing; the flag decides.
    [places.storageConfig]: '[storage]\ndriver = "vfs"\n',
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(work, name), text)
}

/** Runs buildah in the work directory, inside the enclosure. */
type Buildah = (
  args: readonly string[],
  onLine?: (line: string, stream: 'stdout' | 'stderr') => void,
) => Promise<CommandResult>

const openBuildah =
  (host: Host, { words: [file, ...words] }: Enclosure, work: string, env: Record<string, string>): Buildah =>
  (args, onLine) =>
    host.exec({
      file,
      args: [...words, 'buildah', ...args],
      directory: work,
      env,
      // A build has nothing to save.
      graceSeconds: 1,
      ...(onLine ? { onLine } : {}),
    })

const build = async (
  request: BuildRequest,
  inputs: Inputs,
  host: Host,
  stores: Stores,
  enclosure: Enclosure,
  work: string,
): Promise<FinishedLayout> => {
  const sources = listRepositories(request, request.dockerfileText)
  const mirrors = parseMirrors(inputs['registry-mirrors'])
  const repositories = [...sources, ...mirrorRepositories(sources, mirrors)]
  await writeConfiguration(inputs, work, repositories)
  const { driver, reason } = await chooseStorage(host, inputs['storage-driver'], enclosure, join(work, 'probe'))
  host.log.info(`storage ${driver}: ${reason}`)
  const { agents, socket } = readSshAgents(host, inputs.ssh)
  const logins = await findLogins(stores, repositories)
  const stated = { ...request, dockerfileText: statePlatforms(request.dockerfileText, request.platform) }
  await stageBuild(host, join(work, places.staging), stated, { logins, caFile: inputs['ca-file'] })
  await using partial = await openPartialLayout(request.layout)
  await mkdir(blobDirectory(partial.path), { recursive: true })
  // Agents are handed to the build as sockets in the temporary directory.
  await using temporary = agents.length > 0 ? await openShortPath(join(work, places.temporary)) : undefined
  const environment = planEnvironment(work, {
    temporary: temporary?.path,
    path: toolPath(host.env),
    proxies: readProxies(host.env),
    sshSocket: socket,
    certificates: host.env['SSL_CERT_DIR'],
    outside: enclosure.mapping === 'all' ? undefined : { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
  })
  const buildah = openBuildah(host, enclosure, work, environment)
  const log = createEngineLog(host.log, new Set(Object.keys(automaticArgs(request.buildPlatform, request.platform))))
  const built = await host.log.group(`buildah ${request.name}`, () =>
    buildah(planBuild(request, driver, agents), (line, stream) => log.add(line, stream)),
  )
  host.signal.throwIfAborted()
  if (built.code !== 0) throw explainFailure(request.name, built.code, log)
  const imageId = (await readFile(join(work, places.imageId), 'utf8')).trim()
  const exported = await buildah(planExport(driver, imageId, blobDirectory(partial.path)))
  host.signal.throwIfAborted()
  if (exported.code !== 0)
    throw new Failure('build', `${request.name}: buildah push failed: ${exported.stderr.trim().split('\n').at(-1)}`)
  await writeLayout(partial.path, request.annotations)
  const layout = await finishLayout(partial.path, request.platform)
  await partial.publish()
  return layout
}

/** Builds what the inputs ask for; the layout exists afterwards only if it is whole and right. */
export const run = async (inputs: Inputs, host: Host): Promise<Outputs> => {
  const request = await readBuildRequest(inputs, host, 'buildah')
  const version = await askVersion(host)
  await using stores = await openStores(inputs, host)
  await passPreflight(
    {
      text: request.dockerfileText,
      dockerfile: request.dockerfile,
      settings: settingsOf(request),
      engine: { engine: 'buildah', version },
      mode: inputs.preflight,
      allowances: request.allowances,
    },
    openImageLookup(stores),
    host,
  )
  await requireRunnable(host, request, request.dockerfileText, 'stage')
  const enclosure = await findEnclosure(host, 'buildah')
  await using work = await openWorkDirectory(host.directory, 'buildah', removeMapped(host, enclosure.mapping))
  host.log.info(`building ${request.name} with buildah ${version}`)
  const layout = await build(request, inputs, host, stores, enclosure, work.path)
  host.log.info(`${request.name}: ${layout.manifest.digest} in ${request.layout}`)
  return outputsOf(request.layout, layout, version)
}
