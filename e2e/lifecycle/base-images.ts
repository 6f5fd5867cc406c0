// The build and the run image that applications are made from and on: Debian's busybox with what the platform wants.
import { type LayerEntry, type RunningRegistry, temporaryDirectory, writeBaseImage } from '@polyarch/parts'
import { runOrThrow } from '../command.ts'
import { skopeoAccess } from '../sample-project.ts'

/** The user of both images. */
export const user = { uid: 1000, gid: 1000 }

const osRelease = 'ID=busybox\nVERSION_ID=1\n'

const files = (version: string): LayerEntry[] => [
  { name: 'etc/passwd', content: 'root:x:0:0:root:/root:/bin/sh\ncnb:x:1000:1000:cnb:/home/cnb:/bin/sh\n' },
  { name: 'etc/group', content: 'root:x:0:\ncnb:x:1000:\n' },
  { name: 'etc/os-release', content: osRelease },
  { name: 'etc/motd', content: `version ${version}\n` },
  { name: 'home/', type: 'directory', mode: 0o755 },
  { name: 'home/cnb/', type: 'directory', mode: 0o755, ...user },
  { name: 'usr/', type: 'directory', mode: 0o755 },
  { name: 'opt/', type: 'directory', mode: 0o755 },
]

const labels = { 'io.buildpacks.base.distro.name': 'busybox', 'io.buildpacks.base.distro.version': '1' }

const settings = {
  build: {
    User: '1000:1000',
    Env: ['PATH=/usr/local/bin:/usr/bin:/bin', 'CNB_USER_ID=1000', 'CNB_GROUP_ID=1000'],
    Labels: labels,
  },
  run: { User: '1000:1000', Labels: { ...labels, 'io.buildpacks.base.maintainer': 'acme' } },
}

/** Pushes the image as `NAME:latest`, for both platforms, and gives this reference. */
export const pushBase = async (
  registry: RunningRegistry,
  kind: 'build' | 'run',
  { name = kind, version = '1' }: { readonly name?: string; readonly version?: string } = {},
): Promise<string> => {
  await using layout = await temporaryDirectory('polyarch-base')
  const layers = [files(version)]
  await writeBaseImage(layout.path, { tag: 'latest', layers, config: settings[kind] })
  const reference = `${registry.host}/${name}:latest`
  const source = `oci:${layout.path}:latest`
  await runOrThrow(
    ['skopeo', 'copy', '--quiet', '--all', ...skopeoAccess(registry, 'dest-'), source, `docker://${reference}`],
    { directory: layout.path },
  )
  return reference
}
