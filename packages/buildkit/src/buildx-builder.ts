// A builder of docker buildx: the one that is in use where it can write a layout, else one for this build only.
import { randomUUID } from 'node:crypto'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { findRealPath, type RegistryAccess, staged } from '@polyarch/engine'
import { inputFailure } from '@polyarch/oci'
import type { Builder } from './builder.ts'
import { planBuildx } from './command-line.ts'
import { formatRegistries } from './configuration.ts'
import { places } from './places.ts'

/** What docker's client needs to reach its daemon. */
const clientVariables = [
  'DOCKER_HOST',
  'DOCKER_CONTEXT',
  'DOCKER_TLS_VERIFY',
  'DOCKER_CERT_PATH',
  'BUILDX_BUILDER',
  'XDG_RUNTIME_DIR',
]

/** Keys of docker's config that are no logins. */
const clientKeys = ['currentContext', 'cliPluginsExtraDirs', 'HttpHeaders', 'aliases', 'features']

/** Gives the client its plugins, contexts and builders back: DOCKER_CONFIG names the logins of this build only. */
const shareConfig = async (original: string, own: string): Promise<void> => {
  for (const name of ['cli-plugins', 'contexts'])
    if ((await findRealPath(join(original, name))) !== undefined) await symlink(join(original, name), join(own, name))
  const file = join(original, 'config.json')
  if ((await findRealPath(file)) === undefined) return
  const theirs = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
  const ours = JSON.parse(await readFile(join(own, 'config.json'), 'utf8')) as Record<string, unknown>
  const shared = Object.fromEntries(clientKeys.flatMap((key) => (key in theirs ? [[key, theirs[key]]] : [])))
  await writeFile(join(own, 'config.json'), JSON.stringify({ ...shared, ...ours }), { mode: 0o600 })
}

const field = (name: string, inspection: string): string | undefined =>
  new RegExp(`^${name}:\\s*(.*?)\\s*$`, 'm').exec(inspection)?.[1]

/**
 * Opens a builder of docker buildx.
 * @throws {Failure} input, when buildx does not answer or a builder cannot be made.
 */
export const openBuildx = async (
  host: Host,
  work: string,
  baseEnv: Record<string, string>,
  access: RegistryAccess,
): Promise<Builder> => {
  const original = host.env['DOCKER_CONFIG'] || join(host.env['HOME'] ?? '/', '.docker')
  await mkdir(join(work, staged.docker), { recursive: true, mode: 0o700 })
  await shareConfig(original, join(work, staged.docker))
  const env = {
    ...baseEnv,
    ...Object.fromEntries(clientVariables.flatMap((name) => (host.env[name] ? [[name, host.env[name]]] : []))),
    BUILDX_CONFIG: host.env['BUILDX_CONFIG'] || join(original, 'buildx'),
  }
  const ask = async (args: readonly string[], cleanup = false): Promise<string> => {
    const { code, stdout, stderr } = await host.exec({
      file: 'docker',
      args: ['buildx', ...args],
      directory: work,
      env,
      cleanup,
    })
    if (code === 0) return stdout
    throw inputFailure(`input builder: docker buildx ${args[0]} failed: ${stderr.trim().split('\n').at(-1)}`)
  }
  const current = await ask(['inspect'])
  const used = field('Driver', current) === 'docker' ? undefined : field('Name', current)
  const name = used ?? `polyarch-${randomUUID()}`
  const remove = async (): Promise<void> => {
    if (used === undefined) await ask(['rm', '--force', name], true)
  }
  if (used === undefined) {
    host.log.info("the builder in use is docker's own, which may be unable to write layouts: making one for this build")
    await writeFile(join(work, places.config), formatRegistries(access))
    await ask([
      'create',
      `--name=${name}`,
      '--driver=docker-container',
      '--driver-opt=network=host',
      `--buildkitd-config=${places.config}`,
    ])
  }
  try {
    const inspection = await ask(['inspect', '--bootstrap', name])
    return {
      version: field('BuildKit version', inspection)?.replace(/^v(?=\d)/, '') ?? 'unknown',
      runsHere: false,
      pid: undefined,
      build: (request, options, control) =>
        host.exec({ file: 'docker', args: planBuildx(name, request, options), directory: work, env, ...control }),
      [Symbol.asyncDispose]: remove,
    }
  } catch (error) {
    await remove()
    throw error
  }
}
