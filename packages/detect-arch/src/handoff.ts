// Hands the plan, and what was fetched for it, to the jobs that follow.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { artifactReference, type Plan, planArtifact, sourceArtifact, sourceDirectory } from '@polyarch/documents'
import { inputFailure } from '@polyarch/oci'

/** An archive: artifacts by themselves keep neither modes nor links. */
const sendSource = async (plan: Plan, commit: string, host: Host): Promise<void> => {
  const directory = await mkdtemp(join(tmpdir(), 'polyarch-source-'))
  try {
    const archive = join(directory, 'source.tar')
    const args = ['-cf', archive, '-C', resolve(host.directory, sourceDirectory(commit)), '.']
    const { code, stderr } = await host.exec({ file: 'tar', args })
    if (code !== 0) throw inputFailure(`source: tar cannot pack ${sourceDirectory(commit)}: ${stderr.trim()}`)
    await host.sendFiles(sourceArtifact(plan.id, commit), [archive])
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** Sends the plan's file and the sources that its images are built from; gives what the input `plan` takes instead. */
export const handOn = async (plan: Plan, file: string, host: Host): Promise<string> => {
  const commits = new Set(plan.images.flatMap(({ build }) => build?.remote?.commit ?? []))
  for (const commit of commits) await sendSource(plan, commit, host)
  const name = planArtifact(plan.id)
  await host.sendFiles(name, [resolve(host.directory, file)])
  host.log.info(`plan handed on as artifact ${name}`)
  return artifactReference(name)
}
