// The inputs of buildah-build.
import { choice } from '@polyarch/ci-host'
import { buildInputs, sshInput } from '@polyarch/engine'
import { storeInputs } from '@polyarch/stores'
import { z } from 'zod'

const storageDrivers = ['auto', 'overlay', 'vfs'] as const

export const Inputs = z.object({
  ...buildInputs,
  ssh: sshInput,
  'storage-driver': choice(
    'How buildah keeps layers while it builds: overlay where the kernel and the file system can, vfs (whole copies) everywhere',
    storageDrivers,
    'auto',
  ),
  ...storeInputs,
})
export type Inputs = z.output<typeof Inputs>
