// Installs Debian packages, and fetches single ones without installing them.
import { existsSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cachePath } from './cache.ts'
import { findProgram, runProgram } from './program.ts'

const isRoot = (): boolean => process.getuid?.() === 0

/** Says `what to install` for a package that is missing and cannot be installed from here. */
const byHand = (debianPackage: string): string =>
  findProgram('apt-get')
    ? `install it as root: apt-get install ${debianPackage}`
    : `install it: Debian calls it ${debianPackage}`

const installQuietly = ['install', '--yes', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300']

let listsUpdated: Promise<unknown> | undefined

/** Refreshes the package lists once per process; old lists may still do, so a failure is left to the installation. */
const updateLists = (): Promise<unknown> => {
  listsUpdated ??= runProgram('apt-get', ['update', '-o', 'DPkg::Lock::Timeout=300']).catch((error: unknown) => error)
  return listsUpdated
}

/** Packages that bring a service with them, and the names of their units. */
const services: Readonly<Record<string, readonly string[]>> = {
  'docker-registry': ['docker-registry.service'],
  'docker.io': ['docker.service', 'docker.socket', 'containerd.service'],
  podman: ['podman.socket', 'podman-auto-update.timer', 'podman-restart.service'],
}

const policyPath = '/usr/sbin/policy-rc.d'
const unitDirectory = '/etc/systemd/system'

/**
 * Runs the installation so that no package starts its service: Debian's docker-registry would take port 5000,
 * now (policy-rc.d) and at each boot (a masked unit).
 */
const withoutServices = async (units: readonly string[], install: () => Promise<unknown>): Promise<void> => {
  const ownPolicy = !existsSync(policyPath)
  if (ownPolicy) {
    await writeFile(policyPath, '#!/bin/sh\nexit 101\n')
    await chmod(policyPath, 0o755)
  }
  try {
    await mkdir(unitDirectory, { recursive: true })
    for (const unit of units)
      if (!existsSync(join(unitDirectory, unit))) await symlink('/dev/null', join(unitDirectory, unit))
    await install()
  } finally {
    if (ownPolicy) await rm(policyPath, { force: true })
  }
}

/**
 * Installs a package where this process may; the reason why it could not, otherwise.
 * Only for packages whose program was found missing.
 */
export const installPackage = async (
  debianPackage: string,
  report: (line: string) => void,
): Promise<string | undefined> => {
  if (!isRoot() || !findProgram('apt-get')) return byHand(debianPackage)
  report(`installing Debian's ${debianPackage}`)
  await updateLists()
  try {
    const install = (): Promise<unknown> =>
      runProgram('apt-get', [...installQuietly, debianPackage], { env: { DEBIAN_FRONTEND: 'noninteractive' } })
    const units = services[debianPackage]
    if (units) await withoutServices(units, install)
    else await install()
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}

/**
 * Unpacks a package of any architecture into the directory, needing no root and changing nothing of the system:
 * apt works on lists of its own inside the cache.
 * @throws {ProgramError} when there is no such package or no network.
 */
export const unpackPackage = async (debianPackage: string, architecture: string, directory: string): Promise<void> => {
  const state = cachePath('apt', architecture)
  await mkdir(join(state, 'lists', 'partial'), { recursive: true })
  await mkdir(join(state, 'archives', 'partial'), { recursive: true })
  const options = [
    '-o',
    `APT::Architectures::=${architecture}`,
    '-o',
    `Dir::State::lists=${join(state, 'lists')}`,
    '-o',
    `Dir::Cache=${state}`,
    // The user that apt downloads as may not enter the cache.
    ...(isRoot() ? ['-o', 'APT::Sandbox::User=root'] : []),
  ]
  const downloads = await mkdtemp(join(state, 'download-'))
  try {
    await runProgram('apt-get', [...options, 'update'])
    await runProgram('apt-get', [...options, 'download', `${debianPackage}:${architecture}`], { cwd: downloads })
    const [file] = await readdir(downloads)
    await runProgram('dpkg-deb', ['--extract', join(downloads, file ?? ''), directory])
  } finally {
    await rm(downloads, { recursive: true, force: true })
    await rm(join(state, 'lists'), { recursive: true, force: true })
  }
}
