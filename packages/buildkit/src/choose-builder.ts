// Chooses which BuildKit builds.
import type { Host } from '@polyarch/ci-host'
import { toolPath } from '@polyarch/engine'
import { Failure, inputFailure } from '@polyarch/oci'
import type { BuildkitSettings } from './inputs.ts'

export type Choice = { readonly reason: string } & (
  | { readonly builder: 'buildkitd' | 'buildx' }
  | { readonly builder: 'remote'; readonly address: string }
)

/** Whether the program is there and does what it is asked. */
const works = async (host: Host, file: string, args: readonly string[]): Promise<boolean> => {
  const { PATH: _, ...env } = host.env
  const own = Object.fromEntries(
    ['HOME', 'DOCKER_HOST', 'DOCKER_CONTEXT', 'DOCKER_CONFIG', 'XDG_RUNTIME_DIR'].flatMap((name) =>
      env[name] === undefined ? [] : [[name, env[name]]],
    ),
  )
  try {
    const command = { file, args, directory: '/', env: { ...own, PATH: toolPath(host.env) } }
    return (await host.exec({ ...command, signal: AbortSignal.timeout(10_000) })).code === 0
  } catch (error) {
    if (error instanceof Failure && error.kind === 'input') return false
    throw error
  }
}

/** As buildctl and docker's remote driver take it: tcp, unix, ssh, docker-container and more. */
const addressPattern = /^[a-z][a-z0-9+-]*:\/\/\S+$/

/**
 * The builder that the inputs name, or for `auto` the first that there is: the one at buildkit-host, a buildkitd of
 * this machine, docker buildx.
 * @throws {Failure} input, when there is none, or an input is for another one.
 */
export const chooseBuilder = async (
  inputs: Pick<BuildkitSettings, 'builder' | 'buildkit-host' | 'buildkit-state' | 'buildkitd-args'>,
  host: Host,
): Promise<Choice> => {
  const { builder, 'buildkit-host': given } = inputs
  const mayBeRemote = builder === 'auto' || builder === 'remote'
  const address = mayBeRemote ? (given ?? (host.env['BUILDKIT_HOST'] || undefined)) : undefined
  if (given !== undefined && !mayBeRemote)
    throw inputFailure(`input buildkit-host: builder ${builder} does not use it: leave it out, or say remote`)
  if (address !== undefined && !addressPattern.test(address))
    throw inputFailure(
      `${given === undefined ? 'BUILDKIT_HOST' : 'input buildkit-host'}: "${address}" is not an address, for example tcp://buildkitd:1234`,
    )
  const isOwn = builder === 'auto' || builder === 'buildkitd'
  if (!isOwn && (inputs['buildkit-state'] !== undefined || inputs['buildkitd-args'].length > 0))
    throw inputFailure(
      `input ${inputs['buildkit-state'] === undefined ? 'buildkitd-args' : 'buildkit-state'}: only a buildkitd that the step starts takes it, not builder ${builder}`,
    )
  if (builder === 'remote') {
    if (address === undefined) throw inputFailure('input buildkit-host is required for builder remote')
    return { builder, address, reason: 'the input says so' }
  }
  if (builder !== 'auto') return { builder, reason: 'the input says so' }
  if (address !== undefined)
    return {
      builder: 'remote',
      address,
      reason: given === undefined ? 'BUILDKIT_HOST names it' : 'an address is given',
    }
  if (
    process.platform === 'linux' &&
    (await works(host, 'buildkitd', ['--version'])) &&
    (await works(host, 'buildctl', ['--version']))
  )
    return { builder: 'buildkitd', reason: 'buildkitd is installed' }
  if (await works(host, 'docker', ['buildx', 'inspect'])) return { builder: 'buildx', reason: 'docker buildx answers' }
  throw inputFailure(
    'input builder: there is no BuildKit: install buildkitd, buildctl and runc, name a running one in buildkit-host, or use a machine with docker buildx',
  )
}
