// Decides where a platform is built: a native runner, or another one where nothing of it has to run.
import type { Host } from '@polyarch/ci-host'
import { parsePlatform } from '@polyarch/oci'
import type { Emulate } from './image-request.ts'
import { type Machine, runsNatively } from './machine.ts'
import { findRunner, hostedRunners, localRunner, type Runner, type RunnerMap } from './runner-map.ts'

/** An instruction that runs a program of the platform while it is built. */
export interface ExecutedLine {
  readonly file: string
  readonly line: number
  readonly text: string
}

export interface RunnerQuestion {
  readonly platform: string
  readonly emulate: Emulate
  readonly runners: RunnerMap
  readonly forge: Host['kind']
  readonly machine: Pick<Machine, 'platform' | 'kernel' | 'emulators'>
  /** The first thing that has to run on the platform; null: nothing has to. */
  readonly executed: ExecutedLine | null
}

export type RunnerAnswer =
  | { readonly runner: Runner; readonly native: boolean; readonly reason: string }
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
  readonly native: boolean
  readonly reason: string
}

const placeFor = ({ platform, runners, forge, machine }: RunnerQuestion): Place => {
  const wanted = parsePlatform(platform)
  const here = (): Place => ({
    runner: localRunner,
    native: runsNatively(machine, platform),
    reason: `this machine is ${machine.platform}`,
  })
  const named = findRunner(runners, wanted)
  if (named?.runner === localRunner) return here()
  if (named?.exact) return { runner: named.runner, native: true, reason: `runners: ${named.key}` }
  if (named) {
    const own = platformOfLabel(named.runner)
    return {
      runner: named.runner,
      native: runsNatively({ platform: own, kernel: own }, platform),
      reason: `runners: ${named.key}, taken as ${own}`,
    }
  }
  if (forge === 'terminal') return here()
  const hosted = findRunner(hostedRunners[forge], wanted)
  if (hosted) return { runner: hosted.runner, native: true, reason: `hosted by ${forge}` }
  const other = findRunner(runners, parsePlatform('linux/amd64'))?.runner ?? hostedRunners[forge]['linux/amd64']
  return { runner: other ?? localRunner, native: false, reason: `${forge} hosts no runner for it` }
}

/** The runner of a leg, or why there is none. */
export const chooseRunner = (question: RunnerQuestion): RunnerAnswer => {
  const { platform, emulate, executed, machine } = question
  const place = placeFor(question)
  if (place.native) return place
  const remedy = `add "${platform}: <runner>" to runners`
  if (emulate === 'never')
    return { refusal: `${platform} has no native runner (${place.reason}) and emulate is never: ${remedy}` }
  if (executed === null) return { ...place, reason: `${place.reason}; nothing of it has to run` }
  const where = `${executed.file}:${executed.line} "${executed.text}"`
  if (emulate === 'auto')
    return {
      refusal: `${platform} has no native runner (${place.reason}), and ${where} has to run on it: ${remedy}, or set emulate: allow for QEMU`,
    }
  if (place.runner === localRunner && !machine.emulators.some((emulator) => emulator.platform === platform))
    return {
      refusal: `${platform}: ${where} has to run on it, and no emulator for it is registered here: ${remedy}, or install qemu-user-static and binfmt-support`,
    }
  return { ...place, reason: `${place.reason}; emulated` }
}
