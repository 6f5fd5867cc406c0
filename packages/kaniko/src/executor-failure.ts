// Why an executor failed, in the terms of the exit codes.
import { type EngineManner, type EngineRun, type EngineWords, explainFailure } from '@polyarch/engine'
import { type Failure, formatPlatform, inputFailure, type Platform } from '@polyarch/oci'

const manner: EngineManner = {
  engine: 'kaniko',
  commandFailed: /failed to execute command|waiting for process to exit|exit status \d+/,
}

const wrongFormat = /exec format error/i

/** The failure that an executor's end and last words mean; `name` is the build's, for the message. */
export const explainExecutor = (
  name: string,
  run: Pick<EngineRun, 'code' | 'reason' | 'peakMemory'>,
  words: EngineWords,
  platforms: { readonly build: Platform; readonly target: Platform },
): Failure => {
  const { error, lastLines } = words
  const isForeign = platforms.build.architecture !== platforms.target.architecture
  if (isForeign && wrongFormat.test([error, ...lastLines.slice(-2)].join('\n')))
    return inputFailure(
      `${name}: this ${formatPlatform(platforms.build)} machine cannot run programs for ${formatPlatform(platforms.target)}: build on a runner of that platform, or register an emulator that works in a chroot (docker run --privileged --rm tonistiigi/binfmt --install ${platforms.target.architecture}, or Debian's qemu-user-static with binfmt-support)`,
    )
  return explainFailure(name, manner, run, words)
}
