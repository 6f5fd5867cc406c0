// What BuildKit is told besides the build itself.
import { boolean, choice, lines, text } from '@polyarch/ci-host'
import { type EngineSettings, sshInput } from '@polyarch/engine'
import type { z } from 'zod'

const builders = ['auto', 'buildkitd', 'remote', 'buildx'] as const

export const buildkitInputs = {
  ssh: sshInput,
  builder: choice(
    'Which BuildKit builds: a buildkitd that the step starts and ends, the one at buildkit-host, or that of docker buildx',
    builders,
    'auto',
  ),
  'buildkit-host': text('The address of a running buildkitd, for example tcp://buildkitd:1234; default BUILDKIT_HOST'),
  'buildkit-tls': text('For buildkit-host: a directory with ca.pem, cert.pem and key.pem'),
  'buildkit-state': text(
    'For a buildkitd of the step’s own: a directory that keeps its cache from run to run; default none',
  ),
  'buildkitd-args': lines(
    'For a buildkitd of the step’s own: more arguments, one per line, for example --oci-worker-no-process-sandbox',
  ),
  provenance: choice('The provenance attestation that goes with the image', ['off', 'min', 'max'], 'off'),
  sbom: boolean('Whether a bill of materials goes with the image; BuildKit pulls the scanner that makes it', false),
}

export type BuildkitSettings = EngineSettings & z.output<z.ZodObject<typeof buildkitInputs>>
