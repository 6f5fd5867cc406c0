// Which runner builds a platform: the user's map first, then what the forge hosts.
import { parseInput } from '@polyarch/ci-host'
import { formatPlatform, inputFailure, type Platform, parsePlatform } from '@polyarch/oci'

/** One runner label, or the labels that a runner has to have all of. */
export type Runner = string | readonly string[]

/** Platforms, or beginnings of them (`linux`, `linux/arm`, `default` for the empty one), to runners. */
export type RunnerMap = Readonly<Record<string, Runner>>

const operatingSystems = ['linux', 'windows', 'darwin', 'freebsd', 'netbsd', 'openbsd', 'wasip1']

/**
 * A key of a runner map, normalised: `default`, an os, or os/architecture[/variant].
 * @throws {Failure} input, with the nearest known platform.
 */
export const parseRunnerKey = (text: string): string => {
  const key = text.trim()
  if (key === 'default' || operatingSystems.includes(key)) return key
  if (!key.includes('/'))
    throw inputFailure(`"${text}" is neither a platform, nor an os (${operatingSystems.join(', ')}), nor default`)
  const platform = formatPlatform(parsePlatform(key))
  // A variant that normalising added (linux/arm is linux/arm/v7) is not in what the user wrote: linux/arm means them all.
  return key.split('/').length === 2 ? platform.split('/').slice(0, 2).join('/') : platform
}

/**
 * A runner map from lines of platform=runner; a comma separates labels that one runner must have together. A line
 * without `=` is the runner for everything.
 * @throws {Failure} input, naming the line.
 */
export const parseRunnerLines = (lines: readonly string[]): Record<string, Runner> => {
  const map: Record<string, Runner> = {}
  for (const line of lines) {
    const equals = line.indexOf('=')
    const labels = line
      .slice(equals + 1)
      .split(',')
      .map((label) => label.trim())
      .filter((label) => label !== '')
    const [first, ...others] = labels
    if (equals === 0 || first === undefined)
      throw inputFailure(`input runners: "${line}" is not platform=runner, for example linux/arm64=ubuntu-24.04-arm`)
    const key = equals === -1 ? 'default' : parseInput('runners', line.slice(0, equals), parseRunnerKey)
    if (Object.hasOwn(map, key)) throw inputFailure(`input runners: ${key} is given twice`)
    map[key] = others.length === 0 ? first : labels
  }
  return map
}

export interface RunnerMatch {
  readonly key: string
  readonly runner: Runner
  /** Whether the key names the architecture, and so promises that the runner has it. */
  readonly exact: boolean
}

/** The runner of the longest key that the platform begins with, part by part. */
export const findRunner = (map: RunnerMap, platform: Platform): RunnerMatch | undefined => {
  const parts = formatPlatform(platform).split('/')
  for (let length = parts.length; length >= 0; length--) {
    const key = length === 0 ? 'default' : parts.slice(0, length).join('/')
    const runner = Object.hasOwn(map, key) ? map[key] : undefined
    if (runner !== undefined) return { key, runner, exact: length >= 2 }
  }
  return undefined
}

/** Runners that the forges host, by what they can run; the first is the one for work that any runner can do. */
export const hostedRunners: Readonly<Record<'github' | 'gitlab', RunnerMap>> = {
  // https://docs.github.com/actions/reference/runners/github-hosted-runners
  github: {
    'linux/amd64': 'ubuntu-24.04',
    'linux/386': 'ubuntu-24.04',
    'linux/arm64': 'ubuntu-24.04-arm',
    'windows/amd64': 'windows-2025',
    'windows/arm64': 'windows-11-arm',
  },
  // https://docs.gitlab.com/ci/runners/hosted_runners/
  gitlab: {
    'linux/amd64': 'saas-linux-small-amd64',
    'linux/386': 'saas-linux-small-amd64',
    'linux/arm64': 'saas-linux-small-arm64',
    'windows/amd64': 'saas-windows-medium-amd64',
  },
}

/** The runner that is this machine itself, whatever a forge has. */
export const localRunner = 'local'

export const formatRunner = (runner: Runner): string => (typeof runner === 'string' ? runner : runner.join(', '))
