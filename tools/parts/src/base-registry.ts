// A registry that holds the base image, for tests that build from it.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type BasePlatform, writeBaseImage } from './base-image.ts'
import { partPath } from './part.ts'
import { runProgram } from './program.ts'
import { type RegistryOptions, type RunningRegistry, startRegistry } from './registry.ts'
import { temporaryDirectory } from './temporary.ts'

export interface BaseRegistry extends RunningRegistry {
  /** HOST/busybox:1, for every platform that was asked for. */
  readonly base: string
}

/** Starts a registry (see startRegistry) and pushes the base image into it. Needs skopeo. */
export const startBaseRegistry = async (
  options: RegistryOptions & { readonly platforms?: readonly BasePlatform[] } = {},
): Promise<BaseRegistry> => {
  const registry = await startRegistry(options)
  try {
    await using layout = await temporaryDirectory()
    await writeBaseImage(layout.path, { tag: '1', ...(options.platforms ? { platforms: options.platforms } : {}) })
    const base = `${registry.host}/busybox:1`
    const { login } = registry
    // A file, because other processes can read arguments.
    const logins = join(layout.path, 'logins.json')
    const auth = login && Buffer.from(`${login.username}:${login.password}`).toString('base64')
    await writeFile(logins, JSON.stringify({ auths: auth ? { [registry.host]: { auth } } : {} }), { mode: 0o600 })
    await runProgram(partPath('skopeo'), [
      'copy',
      '--all',
      '--dest-tls-verify=false',
      `--authfile=${logins}`,
      `oci:${layout.path}:1`,
      `docker://${base}`,
    ])
    return { ...registry, base }
  } catch (error) {
    await registry.stop()
    throw error
  }
}
