// What this machine is: its platform, its kernel's, and the platforms that it emulates.
import { open } from 'node:fs/promises'
import os from 'node:os'
import { join } from 'node:path'
import { elfHeaderBytes, readElfHeader, readEmulators } from '@polyarch/engine'
import { formatPlatform, isKnownPlatform, normalisePlatform, type Platform, parsePlatform } from '@polyarch/oci'

/** A platform whose programs an emulator runs (binfmt_misc). */
export interface EmulatedPlatform {
  /** The name of the registration, for example qemu-aarch64. */
  readonly name: string
  readonly interpreter: string
  readonly platform: string
  /** Whether the kernel holds the interpreter open (flag F), so that it works inside containers and other roots. */
  readonly fixed: boolean
}

export interface Machine {
  /** What programs here are built for: the platform of this machine's images. */
  readonly platform: string
  /** What the kernel can run besides: another one than `platform` where the userland has 32 bits and the kernel 64. */
  readonly kernel: string
  readonly emulators: readonly EmulatedPlatform[]
  /** Where the platform was read from. */
  readonly evidence: string
  /** Facts that contradict the platform, for the log. */
  readonly doubts: readonly string[]
}

/** What a machine is read from; tests give a directory in place of `/`. */
export interface MachineSources {
  readonly root: string
  /** os.platform(): linux, win32, darwin … */
  readonly os: string
  /** os.machine(): what uname -m says. */
  readonly machine: string
  /** process.arch: what this program was built for. */
  readonly arch: string
  readonly env: Readonly<Record<string, string | undefined>>
}

const nodeArchitectures: Readonly<Record<string, string>> = {
  ia32: '386',
  x64: 'amd64',
  mipsel: 'mipsle',
  ppc64: 'ppc64le',
}

// https://docs.github.com/actions/reference/workflows-and-actions/variables and GitLab's predefined variables.
const forgeVariables = ['RUNNER_ARCH', 'CI_RUNNER_EXECUTABLE_ARCH'] as const
const forgeArchitectures: Readonly<Record<string, string>> = { x86: '386', x64: 'amd64', arm: 'arm', arm64: 'arm64' }

const operatingSystems: Readonly<Record<string, string>> = { win32: 'windows', cygwin: 'windows' }

const known = (platform: Platform): string | undefined =>
  isKnownPlatform(platform) ? formatPlatform(platform) : undefined

/** What the forge says of its runner: RUNNER_ARCH is `X64`, CI_RUNNER_EXECUTABLE_ARCH is `linux/amd64`. */
const readForge = (
  env: MachineSources['env'],
  hostOs: string,
): { readonly name: string; readonly platform: string } | undefined => {
  for (const name of forgeVariables) {
    const value = env[name]?.trim().toLowerCase()
    if (!value) continue
    const [first = '', second] = value.split('/')
    const architecture = second ?? first
    const platform = known({
      os: second === undefined ? hostOs : first,
      architecture: forgeArchitectures[architecture] ?? architecture,
    })
    if (platform !== undefined) return { name, platform }
  }
  return undefined
}

const absentCodes = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'])

/** The value of the work, or undefined where the file is not there or may not be read: both are normal in a container. */
const unlessAbsent = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
  try {
    return await work()
  } catch (error) {
    if (absentCodes.has((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}

const readArchitecture = (path: string): Promise<string | undefined> =>
  unlessAbsent(async () => {
    await using file = await open(path)
    const header = new Uint8Array(elfHeaderBytes)
    await file.read(header, 0, elfHeaderBytes, 0)
    return readElfHeader(header)?.architecture
  })

const readPlatforms = async (root: string): Promise<EmulatedPlatform[]> => {
  const emulators = await readEmulators(join(root, 'proc/sys/fs/binfmt_misc'))
  return emulators.flatMap(({ name, interpreter, architecture, isFixed }) => {
    const platform = known({ os: 'linux', architecture })
    return platform === undefined ? [] : [{ name, interpreter, platform, fixed: isFixed }]
  })
}

/** This machine's sources. */
export const thisMachine = (env: MachineSources['env']): MachineSources => ({
  root: '/',
  os: os.platform(),
  machine: os.machine(),
  arch: os.arch(),
  env,
})

/** 32-bit ARM has variants that neither ELF header nor process.arch tell: only a v6 kernel says so. */
const withArmVariant = (architecture: string, machine: string): Platform =>
  architecture === 'arm' && machine.startsWith('armv6')
    ? { os: 'linux', architecture, variant: 'v6' }
    : { os: 'linux', architecture }

/**
 * Reads the machine. On Linux the truth is what /bin/sh was built for: uname tells of the kernel, which can have
 * 64 bits under a userland of 32, and the forge's variable only of the runner program.
 */
export const readMachine = async (sources: MachineSources): Promise<Machine> => {
  const hostOs = operatingSystems[sources.os] ?? sources.os
  const forge = readForge(sources.env, hostOs)
  const kernel = known(normalisePlatform({ os: hostOs, architecture: sources.machine }))
  const own = known({ os: hostOs, architecture: nodeArchitectures[sources.arch] ?? sources.arch })
  const shell = hostOs === 'linux' ? await readArchitecture(join(sources.root, 'bin/sh')) : undefined
  const userland = shell === undefined ? undefined : known(withArmVariant(shell, sources.machine))

  const [platform, evidence] =
    userland !== undefined
      ? [userland, '/bin/sh']
      : own !== undefined && own !== kernel
        ? [own, 'this program']
        : kernel !== undefined
          ? [kernel, `uname -m (${sources.machine})`]
          : forge !== undefined
            ? [forge.platform, forge.name]
            : [own ?? formatPlatform(parsePlatform('linux/amd64')), 'this program']
  const doubts: string[] = []
  if (kernel !== undefined && kernel !== platform)
    doubts.push(`uname -m says ${sources.machine}: a kernel for ${kernel} under programs for ${platform}`)
  if (forge !== undefined && forge.platform !== platform && forge.platform !== kernel)
    doubts.push(`${forge.name} says ${forge.platform}, the programs here are for ${platform}`)
  return { platform, kernel: kernel ?? platform, emulators: await readPlatforms(sources.root), evidence, doubts }
}
