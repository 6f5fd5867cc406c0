// Files of another repository, fetched by the job that planned and received where they are built.
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { sourceArtifact, sourceDirectory, withArtifact } from '@polyarch/documents'
import { inputFailure } from '@polyarch/oci'

/**
 * Brings the files into the workspace, where the plan says that they are.
 * @throws {Failure} input, when no job of this run handed them on.
 */
export const receiveSource = async (plan: string, commit: string, host: Host): Promise<void> => {
  const directory = resolve(host.directory, sourceDirectory(commit))
  await mkdir(dirname(directory), { recursive: true })
  await withArtifact(sourceArtifact(plan, commit), host, async (archive) => {
    const temporary = await mkdtemp(`${directory}.`)
    try {
      const { code, stderr } = await host.exec({
        file: 'tar',
        args: ['-xf', archive, '--no-same-owner', '-C', temporary],
      })
      if (code !== 0) throw inputFailure(`input plan: tar cannot unpack ${sourceDirectory(commit)}: ${stderr.trim()}`)
      await rename(temporary, directory)
    } catch (error) {
      await rm(temporary, { recursive: true, force: true })
      throw error
    }
  })
}
