// Asks skopeo, which knows nothing of Polyarch, what is in the registry.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type RunningRegistry, temporaryDirectory } from '@polyarch/parts'
import { runCommand, runOrThrow } from './command.ts'
import { skopeoAccess } from './sample-project.ts'

interface RawIndex {
  readonly manifests: readonly {
    readonly digest: string
    readonly platform: { readonly os: string; readonly architecture: string }
  }[]
}

/** The platforms of the index behind a reference, in its order. */
export const platformsOf = async (registry: RunningRegistry, name: string): Promise<string[]> => {
  const command = [
    'skopeo',
    'inspect',
    '--raw',
    ...skopeoAccess(registry, ''),
    `docker://${registry.host}/${name}`,
  ] as const
  const index = JSON.parse(await runOrThrow([...command], { directory: '/' })) as RawIndex
  return index.manifests.map(({ platform }) => `${platform.os}/${platform.architecture}`)
}

/** The tags of a repository, sorted; none where there is no repository. */
export const tagsOf = async (registry: RunningRegistry, name: string): Promise<string[]> => {
  const command = ['skopeo', 'list-tags', ...skopeoAccess(registry, ''), `docker://${registry.host}/${name}`] as const
  const { code, log } = await runCommand([...command], { directory: '/' })
  if (code === 0) return ((JSON.parse(log) as { Tags: string[] | null }).Tags ?? []).sort()
  if (log.includes('404 (Not Found)')) return []
  throw new Error(log)
}

/** The architecture in the config of the image that a machine of this kind would pull, with every blob fetched. */
export const pulledArchitecture = async (
  registry: RunningRegistry,
  name: string,
  architecture: string,
): Promise<string> => {
  await using directory = await temporaryDirectory('polyarch-pulled')
  const source = `docker://${registry.host}/${name}`
  const override = ['--override-os', 'linux', '--override-arch', architecture]
  await runOrThrow(
    ['skopeo', ...override, 'copy', '--quiet', ...skopeoAccess(registry, 'src-'), source, `dir:${directory.path}`],
    {
      directory: directory.path,
    },
  )
  const manifest = JSON.parse(await readFile(join(directory.path, 'manifest.json'), 'utf8')) as {
    config: { digest: string }
  }
  const config = await readFile(join(directory.path, manifest.config.digest.replace('sha256:', '')), 'utf8')
  return (JSON.parse(config) as { architecture: string }).architecture
}
