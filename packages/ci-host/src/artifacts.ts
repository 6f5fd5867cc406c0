// Artifacts of a GitHub run: files under an exact name, from one job to the others.
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { inputFailure, verificationFailure } from '@polyarch/oci'
import type { Log } from './host.ts'

export interface ArtifactSettings {
  readonly log: Log
  /** Where relative paths start. */
  readonly directory: string
  /** The attempt of the run: from the second on, names may be taken by an earlier one. */
  readonly attempt: number
}

/** Records are needed until the run ends; a day covers runs that are started again. */
const retentionDays = 1

const openClient = async () => {
  // ACTIONS_RESULTS_URL is given to actions, not to `run:` steps.
  if (!process.env['ACTIONS_RUNTIME_TOKEN'])
    throw inputFailure(
      'artifacts need the token that GitHub gives to actions: use the action, not the command in a run step',
    )
  const artifact = await import('@actions/artifact')
  return { client: new artifact.DefaultArtifactClient(), NotFound: artifact.ArtifactNotFoundError }
}

const commonDirectory = (files: readonly string[]): string => {
  const [first = '', ...others] = files.map((file) => dirname(file))
  let common = first
  while (others.some((directory) => directory !== common && !directory.startsWith(`${common}/`)))
    common = dirname(common)
  return common
}

const removeArtifact = async (name: string, { log }: ArtifactSettings): Promise<void> => {
  const { client, NotFound } = await openClient()
  try {
    await client.deleteArtifact(name)
    log.debug(`artifact ${name} of an earlier attempt is replaced`)
  } catch (error) {
    if (!(error instanceof NotFound)) throw error
  }
}

/** Sends the files as the artifact of this name, in place of one that an earlier attempt of the run sent. */
export const sendArtifact = async (
  name: string,
  files: readonly string[],
  settings: ArtifactSettings,
): Promise<void> => {
  const { client } = await openClient()
  const paths = files.map((file) => resolve(settings.directory, file))
  // Names are taken for the whole run: without this, "Re-run failed jobs" would end in 409.
  if (settings.attempt > 1) await removeArtifact(name, settings)
  await client.uploadArtifact(name, paths, commonDirectory(paths), { retentionDays })
}

const filesBelow = async (directory: string): Promise<string[]> =>
  (await readdir(directory, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))

/** Moves the files of one artifact to those of the others: each is a name of its own. */
const keepFiles = async (name: string, staging: string, target: string): Promise<void> => {
  for (const file of await filesBelow(staging)) {
    await cp(join(staging, file), join(target, file), { errorOnExist: true, force: false }).catch((cause: unknown) => {
      if ((cause as NodeJS.ErrnoException).code !== 'ERR_FS_CP_EEXIST') throw cause
      throw verificationFailure(`artifact ${name}: ${file} is already there from another one`, { cause })
    })
  }
}

/** Fetches one artifact into the directory; false where the run has none of this name. */
const receiveArtifact = async (name: string, target: string): Promise<boolean> => {
  const { client, NotFound } = await openClient()
  const staging = await mkdtemp(join(target, '.receiving-'))
  try {
    const { artifact } = await client.getArtifact(name)
    await client.downloadArtifact(artifact.id, { path: staging })
    await keepFiles(name, staging, target)
    return true
  } catch (error) {
    if (error instanceof NotFound) return false
    throw error
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

/** Artifacts that are fetched at once; each takes three requests. */
const mostAtOnce = 8

/**
 * Fetches the artifacts of these names into the directory, and gives the names of those that the run does not have.
 * @throws {Failure} verification, when two hold a file of the same name.
 */
export const receiveArtifacts = async (
  names: readonly string[],
  directory: string,
  settings: Pick<ArtifactSettings, 'directory'>,
): Promise<string[]> => {
  const target = resolve(settings.directory, directory)
  await mkdir(target, { recursive: true })
  const missing: string[] = []
  for (let start = 0; start < names.length; start += mostAtOnce) {
    const batch = names.slice(start, start + mostAtOnce)
    const found = await Promise.all(batch.map((name) => receiveArtifact(name, target)))
    missing.push(...batch.filter((_name, position) => !found[position]))
  }
  return missing
}
