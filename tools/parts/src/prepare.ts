// Makes the real parts ready: installs, builds and registers what is missing, and notes what could not be had.
import { access, constants, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { prepareBusybox } from './busybox.ts'
import { cacheDirectory, repositoryRoot, writeWhole } from './cache.ts'
import { installPackage } from './debian-packages.ts'
import { prepareArm64 } from './emulation.ts'
import { buildGoProgram, goVersion } from './go-program.ts'
import { prepareUserNamespaces } from './ordinary-user.ts'
import { type Part, type PartStatus, readStatus, statusPath } from './part.ts'
import { findProgram, runProgram } from './program.ts'

type Report = (line: string) => void

const missing = (reason: string): PartStatus => ({ missing: reason })

const unlessMissing = (reason: string | undefined, status: PartStatus = {}): PartStatus =>
  reason === undefined ? status : missing(reason)

/** The program, from the Debian package where this machine lacks it. */
const prepareProgram = async (name: string, debianPackage: string, report: Report): Promise<PartStatus> => {
  const found = findProgram(name)
  if (found) return { path: found }
  const reason = await installPackage(debianPackage, report)
  const installed = findProgram(name)
  return installed ? { path: installed } : missing(reason ?? `${debianPackage} was installed but has no ${name}`)
}

/** Installs every program of the list; the first reason why one is missing. */
const preparePrograms = async (list: Readonly<Record<string, string>>, report: Report): Promise<string | undefined> => {
  for (const [name, debianPackage] of Object.entries(list)) {
    const status = await prepareProgram(name, debianPackage, report)
    if ('missing' in status) return `no ${name}: ${status.missing}`
  }
  return undefined
}

const prepareGitlabCiLocal = async (report: Report): Promise<PartStatus> => {
  const reason = await preparePrograms({ rsync: 'rsync', git: 'git' }, report)
  return unlessMissing(reason, { path: join(repositoryRoot, 'node_modules', '.bin', 'gitlab-ci-local') })
}

const prepareGo = async (): Promise<PartStatus> => {
  const path = findProgram('go')
  if (!path) return missing(`install Go ${goVersion} or newer`)
  await runProgram(path, ['version'])
  return { path }
}

const prepareEmulation = async (report: Report): Promise<PartStatus> => {
  if (process.getuid?.() !== 0 || process.arch === 'arm64') return unlessMissing(await prepareArm64())
  const programs = { 'qemu-aarch64-static': 'qemu-user-static', 'update-binfmts': 'binfmt-support' }
  return unlessMissing((await preparePrograms(programs, report)) ?? (await prepareArm64()))
}

/** buildkitd and buildctl, side by side, and the program that buildkitd starts containers with. */
const prepareBuildkit = async (report: Report): Promise<PartStatus> => {
  const reason = await preparePrograms({ runc: 'runc' }, report)
  return unlessMissing(reason, { path: await buildGoProgram('buildkit', report) })
}

/** The daemon, which only root may start, with its client. */
const prepareDocker = async (report: Report): Promise<PartStatus> => {
  if (process.getuid?.() !== 0) return missing('only root may start dockerd')
  const daemon = await prepareProgram('dockerd', 'docker.io', report)
  if ('missing' in daemon) return daemon
  return unlessMissing(await preparePrograms({ docker: 'docker.io' }, report), daemon)
}

const preparePart = async (part: Part, report: Report): Promise<PartStatus> => {
  switch (part) {
    case 'root':
      return process.getuid?.() === 0 ? {} : missing('this is not root')
    case 'go':
      return prepareGo()
    case 'docker-registry':
    case 'skopeo':
    case 'buildah':
    case 'podman':
    case 'time':
      return prepareProgram(part, part, report)
    case 'docker':
      return prepareDocker(report)
    case 'busybox-amd64':
    case 'busybox-arm64':
      return { path: await prepareBusybox(part === 'busybox-amd64' ? 'amd64' : 'arm64', report) }
    case 'kaniko-1.25.15':
    case 'kaniko-1.24.0':
    case 'lifecycle':
    case 'act':
    case 'crane':
    case 'regctl':
    case 'oras':
    case 'buildx':
    case 'manifest-tool':
    case 'distribution-3':
    case 'zot':
      return { path: await buildGoProgram(part, report) }
    case 'kaniko-fork': {
      const path = process.env['POLYARCH_KANIKO_EXECUTOR']
      return path ? { path } : missing('POLYARCH_KANIKO_EXECUTOR does not name an executor of osscontainertools/kaniko')
    }
    case 'buildkit':
      return prepareBuildkit(report)
    case 'binfmt-arm64':
      return prepareEmulation(report)
    case 'user-namespaces': {
      const reason = await preparePrograms({ newuidmap: 'uidmap', unshare: 'util-linux' }, report)
      return unlessMissing(reason ?? (await prepareUserNamespaces(report)))
    }
    case 'gitlab-ci-local':
      return prepareGitlabCiLocal(report)
  }
}

/** @throws when this user cannot write to the cache, for example because root made it. */
const requireCache = async (): Promise<void> => {
  const directory = cacheDirectory()
  try {
    await mkdir(directory, { recursive: true })
    await access(directory, constants.W_OK)
  } catch (cause) {
    throw new Error(`${directory} cannot be written: name another folder in POLYARCH_CACHE`, { cause })
  }
}

/**
 * Makes the parts ready, one after the other, and leaves their status where lacks() and partPath() read it.
 * What cannot be had is no error: its status says why. `report` gets a line for each piece of work that takes long.
 */
export const prepareParts = async (wanted: readonly Part[], report: Report): Promise<void> => {
  await requireCache()
  const status: Partial<Record<Part, PartStatus>> = {}
  for (const part of wanted) {
    try {
      status[part] = await preparePart(part, report)
    } catch (error) {
      status[part] = missing((error as Error).message)
    }
  }
  await writeWhole(statusPath(), `${JSON.stringify({ ...readStatus(), ...status }, null, 2)}\n`)
}
