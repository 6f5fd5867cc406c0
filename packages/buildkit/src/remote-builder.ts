// A builder that somebody else runs: the buildkitd at an address that the user names.
import { resolve } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { openBuildctl } from './buildctl-builder.ts'
import type { Builder } from './builder.ts'
import type { BuildkitSettings } from './inputs.ts'

/**
 * Connects to it; how it reaches registries is its own business, which a warning says where the inputs say otherwise.
 * @throws {Failure} input, when it does not answer.
 */
export const openRemote = async (
  host: Host,
  settings: BuildkitSettings,
  address: string,
  work: string,
  env: Record<string, string>,
): Promise<Builder> => {
  if (
    settings['registry-mirrors'].length > 0 ||
    settings['insecure-registries'].length > 0 ||
    settings['ca-file'] !== undefined
  )
    host.log.warning(
      `how base images are pulled is for the buildkitd at ${address} to know: Polyarch cannot tell it mirrors, insecure registries or certificates`,
    )
  const tls = settings['buildkit-tls']
  const connection = {
    address,
    tls: tls === undefined ? undefined : resolve(host.directory, tls),
    name: `input buildkit-host: ${address}`,
  }
  const client = await openBuildctl(host, connection, work, env)
  // Nothing was started for it.
  return { ...client, runsHere: false, pid: undefined, [Symbol.asyncDispose]: async () => undefined }
}
