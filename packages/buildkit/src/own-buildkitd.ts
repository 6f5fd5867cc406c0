// A buildkitd that lives as long as the build: in namespaces of its own, on a socket in the work directory.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { CommandResult, Host } from '@polyarch/ci-host'
import { type BuildMount, checkEngineArgs, type Enclosure, enclosedResult, type RegistryAccess } from '@polyarch/engine'
import { inputFailure } from '@polyarch/oci'
import { openBuildctl } from './buildctl-builder.ts'
import type { Builder } from './builder.ts'
import { formatDaemonConfig } from './configuration.ts'
import { formatDevice } from './device-mounts.ts'
import { ownAddress, places } from './places.ts'

/** What Polyarch tells buildkitd itself. */
const reservedFlags = [
  'addr',
  'config',
  'group',
  'help',
  'root',
  'rootless',
  'tlscacert',
  'tlscert',
  'tlskey',
  'version',
]

/** How long it may take to end the containers that it runs. */
const graceSeconds = 5

/** What a client says whose buildkitd is gone. */
const isLost = /rpc error: code = Unavailable|connection (?:refused|reset)|EOF/

const isReady = (line: string): boolean => line.includes('msg="running server on ')

const telemetrySocket = 'otel.sock'

/** Bytes of a socket's path that fit everywhere (unix(7)), as Go counts them. */
const longestSocketPath = 104

/** The directory for sockets that are found by their absolute path: the one that is there, unless its name is too long. */
const openSocketDirectory = async (
  directory: string,
): Promise<{ readonly path: string; readonly remove: () => Promise<void> }> => {
  if (Buffer.byteLength(join(directory, telemetrySocket)) <= longestSocketPath)
    return { path: directory, remove: async () => undefined }
  const path = await mkdtemp(join(tmpdir(), 'polyarch-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** Why it ended before it was ready, from what it wrote. */
const explainEnd = ({ code, stderr }: CommandResult): string => {
  if (/runc does not exist/.test(stderr)) return 'it starts containers with runc, which is not installed'
  const said = /^(?:buildkitd|unshare): (.*)$/m.exec(stderr)?.[1]
  return said ?? stderr.trim().split('\n').at(-1) ?? `exit ${code}`
}

export interface OwnSettings {
  /** Absolute. */
  readonly work: string
  readonly enclosure: Enclosure
  readonly env: Record<string, string>
  readonly access: RegistryAccess
  readonly mounts: readonly BuildMount[]
  /** The input buildkit-state. */
  readonly state: string | undefined
  /** The input buildkitd-args. */
  readonly args: readonly string[]
}

/**
 * Starts buildkitd and waits until it listens.
 * @throws {Failure} input, saying why it could not start.
 */
export const startBuildkitd = async (
  host: Host,
  { work, enclosure, env, access, mounts, state, args }: OwnSettings,
): Promise<Builder> => {
  const stateDirectory = state === undefined ? join(work, places.state) : resolve(host.directory, state)
  await mkdir(stateDirectory, { recursive: true, mode: 0o700 })
  const sockets = await openSocketDirectory(join(work, places.run))
  const settings = {
    state: stateDirectory,
    telemetrySocket: join(sockets.path, telemetrySocket),
    devices: mounts.length === 0 ? undefined : join(work, places.devices),
    keepsState: state !== undefined,
  }
  if (settings.devices !== undefined) {
    await mkdir(settings.devices)
    await writeFile(join(settings.devices, 'mounts.json'), formatDevice(mounts))
  }
  await writeFile(join(work, places.config), formatDaemonConfig(settings, access))
  const stop = new AbortController()
  const { promise: ready, resolve: isListening } = Promise.withResolvers<void>()
  const [file, ...words] = enclosure.words
  let pid: number | undefined
  let result: CommandResult | undefined
  const ended = host
    .exec({
      file,
      args: [
        ...words,
        'buildkitd',
        ...(enclosure.mapping === 'all' ? [] : ['--rootless']),
        `--config=${places.config}`,
        `--addr=${ownAddress}`,
        ...checkEngineArgs(args, reservedFlags),
      ],
      directory: work,
      env,
      signal: stop.signal,
      graceSeconds,
      onLine: (line) => {
        host.log.debug(line)
        if (isReady(line)) isListening()
      },
      onStart: (started) => {
        pid = started
      },
    })
    .then((end) => {
      result = enclosedResult(end)
      return result
    })
  const end = async (): Promise<void> => {
    stop.abort()
    await ended
    await sockets.remove()
  }
  try {
    const early = await Promise.race([ready, ended])
    host.signal.throwIfAborted()
    if (early) throw inputFailure(`input builder: buildkitd could not start: ${explainEnd(early)}`)
    const connection = { address: ownAddress, tls: undefined, name: 'the buildkitd that was just started' }
    const client = await openBuildctl(host, connection, work, env)
    return {
      ...client,
      runsHere: true,
      pid,
      build: async (...build) => {
        const built = await client.build(...build)
        // Without a buildkitd its client only says that nobody answers any more.
        if (built.code !== 0 && isLost.test(built.stderr))
          await Promise.race([ended, delay(graceSeconds * 1000, undefined, { ref: false })])
        return built.code !== 0 && result !== undefined ? { ...built, code: result.code } : built
      },
      [Symbol.asyncDispose]: end,
    }
  } catch (error) {
    await end()
    throw error
  }
}
