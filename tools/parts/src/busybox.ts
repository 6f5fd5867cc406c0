// Debian's static busybox for each architecture of the base images, unpacked into the cache.
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { cachePath } from './cache.ts'
import { unpackPackage } from './debian-packages.ts'
import { findProgram } from './program.ts'

export type BusyboxArchitecture = 'amd64' | 'arm64'

const busyboxPath = (architecture: BusyboxArchitecture): string => cachePath('busybox', architecture, 'bin', 'busybox')

/**
 * The path of a static busybox of that architecture, fetched once.
 * @throws when it is not in the cache and there is no apt or no network.
 */
export const prepareBusybox = async (
  architecture: BusyboxArchitecture,
  report: (line: string) => void = () => {},
): Promise<string> => {
  const path = busyboxPath(architecture)
  if (existsSync(path)) return path
  if (!findProgram('apt-get') || !findProgram('dpkg-deb'))
    throw new Error('it comes from a Debian package: needs apt-get')
  report(`fetching Debian's busybox-static for ${architecture}`)
  const directory = dirname(dirname(path))
  const draft = `${directory}.${process.pid}`
  try {
    await mkdir(dirname(directory), { recursive: true })
    await unpackPackage('busybox-static', architecture, draft)
    await rm(directory, { recursive: true, force: true })
    await rename(draft, directory)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return path
}
