// What buildah is told besides the build itself.
import { choice } from '@polyarch/ci-host'
import { type EngineSettings, sshInput } from '@polyarch/engine'
import type { z } from 'zod'

const storageDrivers = ['auto', 'overlay', 'vfs'] as const

export const buildahInputs = {
  ssh: sshInput,
  'storage-driver': choice(
    'How buildah keeps layers while it builds: overlay where the kernel and the file system can, vfs (whole copies) everywhere',
    storageDrivers,
    'auto',
  ),
}

export type BuildahSettings = EngineSettings & z.output<z.ZodObject<typeof buildahInputs>>
