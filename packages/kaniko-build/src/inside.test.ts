// The launcher `inside`: in a root like a kaniko container's (an overlay, a PID namespace, docker's mark), and in a real one.
import { execFile } from 'node:child_process'
import { copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { lacks, partPath, repositoryRoot, startDocker, temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'

const run = promisify(execFile)

/**
 * Arguments: a directory for the container, the executor, this repository, the workspace, its place in the container,
 * an environment variable, then the command. What the container's own image would hold is bound read-only from this
 * machine; what the executor wipes is the overlay.
 */
const container = `
set -eu
container=$1 executor=$2 repository=$3 workspace=$4 place=$5
shift 5
mount -t tmpfs tmpfs "$container"
mkdir "$container/lower" "$container/upper" "$container/work" "$container/root"
mount -t overlay -o "lowerdir=$container/lower,upperdir=$container/upper,workdir=$container/work" overlay "$container/root"
cd "$container/root"
mkdir -p kaniko proc dev usr tmp etc ".$repository" ".$place"
: > .dockerenv
cp "$executor" kaniko/executor
for name in bin sbin lib lib64; do ln -s "usr/$name" "$name"; done
for directory in /usr "$repository"; do
  mount --bind "$directory" ".$directory"
  mount -o remount,bind,ro ".$directory"
done
mount -t proc proc proc
mount --rbind /dev dev
if [ "$place" = /builds ]; then mount --bind "$workspace" ".$place"; else cp -r "$workspace/." ".$place"; fi
mount --no-mtab --move . /
exec env -i HOME=/kaniko PATH=/usr/sbin:/usr/bin:/bin chroot . /bin/sh -c 'cd "$0" && exec "$@"' "$place" "$@"
`

const dockerfile = 'FROM scratch AS made\nCOPY hello /made\nFROM scratch\nCOPY --from=made /made /copied\n'

/** Builds inside such a container, with the workspace at the place. */
const buildInside = async (workspace: string, place: string) => {
  await using directory = await temporaryDirectory()
  const own = join(directory.path, 'container')
  await mkdir(own)
  const step = [process.execPath, '--conditions=@polyarch/source', join(import.meta.dirname, 'main.ts')]
  const unshare = ['--mount', '--pid', '--fork', '--kill-child', '--', '/bin/sh', '-c', container, 'container']
  const args = [own, partPath('kaniko-1.25.15'), repositoryRoot, workspace, place, ...step, '--layout=out', '--json']
  try {
    const { stdout, stderr } = await run('unshare', [...unshare, ...args])
    return { code: 0, stdout, stderr }
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string }
  }
}

const writeWorkspace = async (workspace: string): Promise<void> => {
  await writeFile(join(workspace, 'Dockerfile'), dockerfile)
  await writeFile(join(workspace, 'hello'), 'hello\n')
}

describe.skipIf(lacks('root', 'kaniko-1.25.15') || !process.execPath.startsWith(repositoryRoot))(
  'in a kaniko container',
  () => {
    test('the executor runs right here, and the mounted workspace survives it', async () => {
      await using workspace = await temporaryDirectory()
      await writeWorkspace(workspace.path)
      const { code, stdout, stderr } = await buildInside(workspace.path, '/builds')
      expect({ code, stderr }).toMatchObject({ code: 0 })
      expect(stderr).toContain('launcher inside: this job runs in the kaniko image')
      const { digest } = JSON.parse(stdout) as { digest: string }
      expect(await readFile(join(workspace.path, 'out', 'index.json'), 'utf8')).toContain(digest)
      expect(await readFile(join(workspace.path, 'hello'), 'utf8')).toBe('hello\n')
    })

    test('a workspace in the root that would be wiped is refused', async () => {
      await using workspace = await temporaryDirectory()
      await writeWorkspace(workspace.path)
      const { code, stderr } = await buildInside(workspace.path, '/home')
      expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('mount it as a volume') })
    })
  },
)

/** Writes the archive of a root with the executor; what a job needs besides is mounted from this machine. */
const archiveRoot = async (directory: string): Promise<string> => {
  const root = join(directory, 'root')
  await mkdir(join(root, 'kaniko'), { recursive: true })
  await copyFile(partPath('kaniko-1.25.15'), join(root, 'kaniko/executor'))
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) await symlink(`usr/${name}`, join(root, name))
  const archive = join(directory, 'root.tar')
  await run('tar', ['--create', `--file=${archive}`, `--directory=${root}`, '.'])
  return archive
}

describe.skipIf(lacks('root', 'kaniko-1.25.15', 'docker') || !process.execPath.startsWith(repositoryRoot))(
  'in a container that docker made from the kaniko image',
  () => {
    test('the step finds out by itself where it is, and the mounted workspace survives', async () => {
      await using workspace = await temporaryDirectory()
      await using docker = await startDocker()
      await docker.docker('import', await archiveRoot(workspace.path), 'kaniko:test')
      const builds = join(workspace.path, 'builds')
      await mkdir(builds)
      await writeWorkspace(builds)
      const mounts = [`${builds}:/builds`, '/usr:/usr:ro', `${repositoryRoot}:${repositoryRoot}:ro`]
      const said = await docker.docker(
        'run',
        '--rm',
        '--network=none',
        '--workdir=/builds',
        '--env=HOME=/kaniko',
        ...mounts.map((mount) => `--volume=${mount}`),
        `--entrypoint=${process.execPath}`,
        'kaniko:test',
        '--conditions=@polyarch/source',
        join(import.meta.dirname, 'main.ts'),
        '--layout=out',
        '--json',
      )
      const { digest } = JSON.parse(said) as { digest: string }
      expect(await readFile(join(builds, 'out', 'index.json'), 'utf8')).toContain(digest)
      expect(await readFile(join(builds, 'hello'), 'utf8')).toBe('hello\n')
    })
  },
)
