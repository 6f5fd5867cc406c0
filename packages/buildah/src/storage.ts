// Which storage driver works here.
import { mkdir } from 'node:fs/promises'
import type { Host } from '@polyarch/ci-host'
import { type Enclosure, toolPath } from '@polyarch/engine'
import type { StorageDriver } from './command-line.ts'
import type { BuildahSettings } from './inputs.ts'

/** Mounts an overlay as containers/storage does, by absolute paths, some of which overlay cannot take; $1: more options. */
const probe = `set -e
mkdir lower upper work merged
mount -t overlay overlay -o "lowerdir=$PWD/lower,upperdir=$PWD/upper,workdir=$PWD/work$1" merged
umount merged`

/** The driver of the input, or for `auto` overlay where it can be mounted in the directory, which it makes. */
export const chooseStorage = async (
  host: Host,
  asked: BuildahSettings['storage-driver'],
  enclosure: Enclosure,
  directory: string,
): Promise<{ readonly driver: StorageDriver; readonly reason: string }> => {
  if (asked !== 'auto') return { driver: asked, reason: 'the input says so' }
  await mkdir(directory)
  const [file, ...words] = enclosure.words
  const { code, stderr } = await host.exec({
    file,
    args: [...words, 'sh', '-c', probe, 'sh', enclosure.mapping === 'all' ? '' : ',userxattr'],
    directory,
    env: { PATH: toolPath(host.env) },
  })
  if (code === 0) return { driver: 'overlay', reason: 'it can be mounted here' }
  return { driver: 'vfs', reason: `overlay cannot be mounted here: ${stderr.trim().split('\n')[0]}` }
}
