// What kaniko is told besides the build itself.
import { choice, text } from '@polyarch/ci-host'
import type { EngineSettings } from '@polyarch/engine'
import type { z } from 'zod'

const launchers = ['auto', 'inside', 'docker', 'podman', 'jail'] as const

export const kanikoInputs = {
  'kaniko-image': text('The image that the executor comes from; pinned by a digest it cannot change', {
    default: 'ghcr.io/osscontainertools/kaniko:v1.28.3',
  }),
  launcher: choice(
    'How the executor is kept from this machine: in the kaniko image that this job runs in, by docker or podman, or in a jail of Linux namespaces',
    launchers,
    'auto',
  ),
  executor: text('For the jail: a kaniko executor on this machine, instead of the one in the kaniko image'),
}

export type KanikoSettings = EngineSettings & z.output<z.ZodObject<typeof kanikoInputs>>
