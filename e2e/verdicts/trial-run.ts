// Carries out trials with an engine, through its real step, and says what went wrong.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Host, type Log, openHost, parseInputs, type RawInputs, type Step } from '@polyarch/ci-host'
import type { EngineVersion } from '@polyarch/dockerfile'
import { Failure } from '@polyarch/oci'
import { temporaryDirectory } from '@polyarch/parts'
import { readBuiltImage } from './built-image.ts'
import type { Scene } from './scene.ts'
import { compareImage, type Trial, type TrialEnd } from './trial.ts'

/** An engine as trials use it. */
export interface TrialEngine {
  readonly version: EngineVersion
  readonly step: Pick<Step, 'name' | 'inputs' | 'run'>
  /** What the step is told besides the trial. */
  readonly inputs?: RawInputs
  /** Directories of programs that this process has not on its PATH. */
  readonly path?: string
}

const writeFiles = async (directory: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> => {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true })
    await writeFile(join(directory, name), content)
  }
}

const grant: RawInputs = {
  'engine-args': '--allow=security.insecure',
  'buildkitd-args': '--allow-insecure-entitlement=security.insecure',
}

/** A host that keeps the warnings and drops the rest: a hundred builds say much. */
const openQuietHost = (
  workspace: string,
  env: Readonly<Record<string, string | undefined>>,
  warnings: string[],
): Host => {
  const host = openHost(env, workspace)
  const log: Log = {
    debug: () => undefined,
    info: () => undefined,
    warning: (message) => warnings.push(message),
    error: () => undefined,
    group: (_, work) => work(),
  }
  return Object.assign(Object.create(host) as Host, { log })
}

/** What the engine makes of the trial; it is never refused beforehand, so that it can go wrong. */
export const runTrial = async (engine: TrialEngine, trial: Trial, scene: Scene): Promise<TrialEnd> => {
  await using workspace = await temporaryDirectory('polyarch-trial')
  await writeFiles(workspace.path, { ...trial.files, Dockerfile: trial.dockerfile(scene) })
  const secrets = Object.entries(trial.secrets ?? {}).map(([id, value]) => `${id}=${value}`)
  const inputs: RawInputs = {
    layout: 'out',
    preflight: 'off',
    ...(trial.target === undefined ? {} : { target: trial.target }),
    ...(trial.platform === undefined ? {} : { platform: trial.platform }),
    ...(secrets.length === 0 ? {} : { secrets }),
    ...(trial.ssh && 'ssh' in engine.step.inputs.shape ? { ssh: `default=${scene.agent}` } : {}),
    ...(trial.insecure && 'buildkitd-args' in engine.step.inputs.shape ? grant : {}),
    ...engine.inputs,
  }
  const warnings: string[] = []
  const path = [engine.path ?? [], process.env['PATH'] ?? []].flat().join(':')
  const host = openQuietHost(workspace.path, { PATH: path, HOME: scene.home }, warnings)
  const harm = (what: string): TrialEnd => ({ how: warnings.length > 0 ? 'logged' : 'silent', what })
  try {
    const { layout, digest } = (await engine.step.run(parseInputs(engine.step, inputs), host)) as {
      readonly layout: string
      readonly digest: string
    }
    if ('fails' in trial.right) return harm('it is built, where it has to fail')
    const what = compareImage(await readBuiltImage(layout, digest), trial.right)
    return what === '' ? { how: 'right' } : harm(what)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    // The engine built it; the step looked into the image and found it wrong.
    if (error.kind === 'verification') return harm(error.message)
    const isRight = 'fails' in trial.right && trial.right.fails.test(error.message)
    return isRight ? { how: 'right' } : { how: 'fails', what: error.message }
  }
}
