// The buildah of this machine, run in a work directory and in namespaces of its own.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Command, CommandResult, Host } from '@polyarch/ci-host'
import { type Enclosure, enclosedResult, type RegistryAccess, toolPath } from '@polyarch/engine'
import { inputFailure } from '@polyarch/oci'
import { acceptingPolicy, formatRegistries } from './configuration.ts'
import { places } from './places.ts'

/** The version that buildah says it has. @throws {Failure} input, when there is no buildah. */
export const askVersion = async (host: Host): Promise<string> => {
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

/** Writes what buildah reads instead of this machine's configuration. */
export const writeConfiguration = async (work: string, access: RegistryAccess): Promise<void> => {
  await mkdir(join(work, places.noRegistries))
  const files = {
    [places.registries]: formatRegistries(access),
    [places.policy]: acceptingPolicy,
    [places.containers]: '',
    // buildah warns where it says nothing; the flag decides.
    [places.storageConfig]: '[storage]\ndriver = "vfs"\n',
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(work, name), text)
}

/** Runs buildah in the work directory, inside the enclosure. */
export type Buildah = (
  args: readonly string[],
  control?: Pick<Command, 'onLine' | 'onStart' | 'signal'>,
) => Promise<CommandResult>

export const openBuildah =
  (host: Host, { words: [file, ...words] }: Enclosure, work: string, env: Record<string, string>): Buildah =>
  async (args, control) =>
    enclosedResult(
      await host.exec({
        file,
        args: [...words, 'buildah', ...args],
        directory: work,
        env,
        // A build has nothing to save.
        graceSeconds: 1,
        ...control,
      }),
    )
