// BuildKit has no volumes, but it gives commands devices, and a device may bring mounts: so the mounts of a build are one.
import { parseDockerfile } from '@polyarch/dockerfile'
import { type BuildMount, checkMounts } from '@polyarch/engine'

const kind = 'polyarch.dev/mounts'
const device = 'build'

/**
 * The description of the device that brings the mounts, for a directory of `[cdi] specDirs`
 * (https://github.com/cncf-tags/container-device-interface/blob/v1.0.1/SPEC.md).
 * @throws {Failure} input, for a path that nothing can be mounted at.
 */
export const formatDevice = (mounts: readonly BuildMount[]): string =>
  JSON.stringify({
    cdiVersion: '0.6.0',
    kind,
    devices: [
      {
        name: device,
        // Nobody has to be asked: only this build's buildkitd knows of it (docs/cdi.md of BuildKit).
        annotations: { 'org.mobyproject.buildkit.device.autoallow': 'true' },
        containerEdits: {
          mounts: checkMounts(mounts).map(({ directory, path }) => ({
            hostPath: directory,
            containerPath: path,
            options: ['rbind', 'rw'],
          })),
        },
      },
    ],
  })

/** The Dockerfile's text with the device in each RUN; those of ONBUILD run elsewhere, and stay as they are. */
export const requestDevice = (text: string): string => {
  const lines = text.split('\n')
  for (const { instructions } of parseDockerfile(text).stages)
    for (const { keyword, line } of instructions)
      if (keyword === 'RUN')
        lines[line - 1] = lines[line - 1]!.replace(/^\s*RUN(?=\s)/i, (word) => `${word} --device=${kind}=${device}`)
  return lines.join('\n')
}
