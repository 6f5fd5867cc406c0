// Artifacts of a GitHub run: files under an exact name, from one job to the others.
import { mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { inputFailure } from '@polyarch/oci'
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

type Client = Awaited<ReturnType<typeof openClient>>

const openClient = async () => {
  // ACTIONS_RESULTS_URL is given to actions, not to `run:` steps.
  if (!process.env['ACTIONS_RUNTIME_TOKEN'])
    throw inputFailure(
      'artifacts need the token that GitHub gives to actions: use the action, not the command in a run step',
    )
  // A library below the client still calls Buffer(), and Node would tell every user of it.
  process.noDeprecation = true
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

const removeArtifact = async ({ client, NotFound }: Client, name: string, log: Log): Promise<void> => {
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
  const opened = await openClient()
  const paths = files.map((file) => resolve(settings.directory, file))
  // Names are taken for the whole run: without this, "Re-run failed jobs" would end in 409.
  if (settings.attempt > 1) await removeArtifact(opened, name, settings.log)
  // The client says a dozen lines about each artifact; folded, they are there for who needs them.
  await settings.log.group(`artifact ${name}`, () =>
    opened.client.uploadArtifact(name, paths, commonDirectory(paths), { retentionDays }),
  )
}

/** Fetches one artifact into the directory; false where the run has none of this name. */
const receiveArtifact = async ({ client, NotFound }: Client, name: string, directory: string): Promise<boolean> => {
  try {
    const { artifact } = await client.getArtifact(name)
    await mkdir(directory, { recursive: true })
    await client.downloadArtifact(artifact.id, { path: directory })
    return true
  } catch (error) {
    if (error instanceof NotFound) return false
    throw error
  }
}

/** Artifacts that are fetched at once; each takes three requests. */
const mostAtOnce = 8

/**
 * Fetches the artifacts, each into the directory of its name below the given one, where files of the same name do not
 * meet. Gives the names of those that the run does not have.
 */
export const receiveArtifacts = async (
  names: readonly string[],
  directory: string,
  { log, directory: start }: Pick<ArtifactSettings, 'directory' | 'log'>,
): Promise<string[]> => {
  const opened = await openClient()
  const missing: string[] = []
  for (let position = 0; position < names.length; position += mostAtOnce) {
    const batch = names.slice(position, position + mostAtOnce)
    const found = await log.group(`artifacts ${batch.join(', ')}`, () =>
      Promise.all(batch.map((name) => receiveArtifact(opened, name, join(resolve(start, directory), name)))),
    )
    missing.push(...batch.filter((_name, index) => !found[index]))
  }
  return missing
}
