// Where things are kept from run to run. Not in the workspace: what lies there came with the repository.
import { constants } from 'node:fs'
import { access, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Host } from '@polyarch/ci-host'

/** The cache directory of this user, or one in the work directory where there is no home to keep it in. */
export const openCacheDirectory = async (host: Host, work: string): Promise<string> => {
  const { XDG_CACHE_HOME: base, HOME: home } = host.env
  const parent = base || (home ? join(home, '.cache') : undefined)
  if (parent !== undefined) {
    const directory = join(parent, 'polyarch', 'kaniko')
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      await access(directory, constants.W_OK)
      return directory
    } catch (error) {
      host.log.debug(`no cache in ${directory}: ${(error as Error).message}`)
    }
  }
  const directory = join(work, 'cache')
  await mkdir(directory)
  return directory
}
