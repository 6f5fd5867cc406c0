// Decides where a platform is built: a native runner, or another one where nothing of it has to run.
import type { Host } from '@polyarch/ci-host'
import { parsePlatform } from '@polyarch/oci'
import type { Emulate } from './image-request.ts'
import type { Machine } from './machine.ts'
import { runsNatively } from './native-platform.ts'
import { findRunner, hostedRunners, localRunner, type Runner, type RunnerMap } from './runner-map.ts'

/** An instruction that runs a program while an image is built. */
export interface ExecutedLine {
  readonly file: string
  readonly line: number
  readonly text: string
  /** The platform that the program is for. */
  readonly platform: string
}

export interface RunnerQuestion {
  readonly platform: string
  readonly emulate: Emulate
  readonly runners: RunnerMap
  readonly forge: Host['kind']
  readonly machine: Pick<Machine, 'platform' | 'kernel' | 'emulators'>
  /** What has to run while the platform is built on a machine of the other one. */
  readonly executed: (buildPlatform: string) => readonly ExecutedLine[]
}

export type RunnerAnswer =
  | {
      readonly runner: Runner
      readonly native: boolean
      /** The runner's own. */
      readonly buildPlatform: string
      readonly reason: string
    }
  | { readonly refusal: string }

/** What a hosted runner's label says of its platform; a label that nobody knows counts as amd64, as most runners are. */
const platformOfLabel = (runner: Runner): string => {
  const labels = typeof runner === 'string' ? [runner] : runner
  for (const hosted of Object.values(hostedRunners))
    for (const [platform, label] of Object.entries(hosted)) if (labels.includes(String(label))) return platform
  return 'linux/amd64'
}

interface Place {
  readonly runner: Runner
  /** What the runner runs by itself. */
  readonly own: Pick<Machine, 'platform' | 'kernel'>
  readonly reason: string
}

const purely = (platform: string): Place['own'] => ({ platform, kernel: platform })

const placeFor = ({ platform, runners, forge, machine }: RunnerQuestion): Place => {
  const wanted = parsePlatform(platform)
  const here: Place = { runner: localRunner, own: machine, reason: `this machine is ${machine.platform}` }
  const named = findRunner(runners, wanted)
  if (named?.runner === localRunner) return here
  if (named?.exact) return { runner: named.runner, own: purely(platform), reason: `runners: ${named.key}` }
  if (named) {
    const own = platformOfLabel(named.runner)
    return { runner: named.runner, own: purely(own), reason: `runners: ${named.key}, taken as ${own}` }
  }
  if (forge === 'terminal') return here
  const hosted = findRunner(hostedRunners[forge], wanted)
  if (hosted)
    return { runner: hosted.runner, own: purely(platformOfLabel(hosted.runner)), reason: `hosted by ${forge}` }
  const other = findRunner(runners, parsePlatform('linux/amd64'))?.runner ?? hostedRunners[forge]['linux/amd64']
  return { runner: other ?? localRunner, own: purely('linux/amd64'), reason: `${forge} hosts no runner for it` }
}

/** The runner of a leg, or why there is none. */
export const chooseRunner = (question: RunnerQuestion): RunnerAnswer => {
  const { platform, emulate, machine } = question
  const { runner, own, reason } = placeFor(question)
  const buildPlatform = own.platform
  const native = runsNatively(own, platform)
  const foreign = question.executed(buildPlatform).find((line) => !runsNatively(own, line.platform))
  if (native && foreign === undefined) return { runner, native, buildPlatform, reason }

  const remedy = `add "${platform}: <runner>" to runners`
  if (!native && emulate === 'never')
    return { refusal: `${platform} has no native runner (${reason}) and emulate is never: ${remedy}` }
  if (foreign === undefined) return { runner, native, buildPlatform, reason: `${reason}; nothing of it has to run` }

  const where = `${foreign.file}:${foreign.line} "${foreign.text}"`
  if (emulate !== 'allow')
    return {
      refusal: native
        ? `${platform} is built on ${own.platform} (${reason}), where ${where} cannot run: it is for ${foreign.platform}; set emulate: allow for QEMU`
        : `${platform} has no native runner (${reason}), and ${where} has to run on it: ${remedy}, or set emulate: allow for QEMU`,
    }
  if (runner === localRunner && !machine.emulators.some((emulator) => emulator.platform === foreign.platform))
    return {
      refusal: `${platform}: ${where} has to run on ${foreign.platform}, and no emulator for that is registered here: ${remedy}, or install qemu-user-static and binfmt-support`,
    }
  return { runner, native, buildPlatform, reason: `${reason}; emulated` }
}
