// The platform of this machine, as images name it.
import { normalisePlatform, type Platform } from '@polyarch/oci'

/** Node's names of architectures that images name otherwise (https://nodejs.org/api/process.html#processarch). */
const architectures: Readonly<Record<string, string>> = {
  x64: 'amd64',
  ia32: '386',
  ppc64: 'ppc64le',
  mipsel: 'mipsle',
}

/** The platform that containers on this machine run: Linux, whatever the machine's own system is. */
export const hostPlatform = (architecture: string = process.arch): Platform =>
  normalisePlatform({ os: 'linux', architecture: architectures[architecture] ?? architecture })
