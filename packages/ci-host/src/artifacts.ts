// Artifacts of a GitHub run: files under an exact name, from one job to the others.
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { inputFailure, verificationFailure } from '@polyarch/oci'
import type { Log } from './host.ts'

export interface ArtifactSettings {
  readonly log: Log
  /** Where relative paths start. */
  readonly directory: string
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

/** Sends the files as the artifact of this name, in place of one that an earlier attempt of the run sent. */
export const sendArtifact = async (
  name: string,
  files: readonly string[],
  settings: ArtifactSettings,
): Promise<void> => {
  const { client, NotFound } = await openClient()
  const paths = files.map((file) => resolve(settings.directory, file))
  // Names are taken for the whole run, so that "Re-run failed jobs" would end in 409 without this.
  await client.deleteArtifact(name).then(
    () => settings.log.debug(`artifact ${name}: replaced`),
    (error: unknown) => {
      if (!(error instanceof NotFound)) throw error
    },
  )
  await client.uploadArtifact(name, paths, commonDirectory(paths), { retentionDays })
}

const filesBelow = async (directory: string): Promise<string[]> =>
  (await readdir(directory, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))

/**
 * Fetches the artifacts of these names into the directory.
 * @throws {Failure} verification, when an artifact is missing or two hold a file of the same name.
 */
export const receiveArtifacts = async (
  names: readonly string[],
  directory: string,
  settings: ArtifactSettings,
): Promise<void> => {
  const { client, NotFound } = await openClient()
  const target = resolve(settings.directory, directory)
  await mkdir(target, { recursive: true })
  for (const name of names) {
    const staging = await mkdtemp(join(target, '.receiving-'))
    try {
      const { artifact } = await client.getArtifact(name).catch((cause: unknown) => {
        if (cause instanceof NotFound)
          throw verificationFailure(`artifact ${name} is not in this run: the job that sends it did not succeed`, {
            cause,
          })
        throw cause
      })
      await client.downloadArtifact(artifact.id, { path: staging })
      for (const file of await filesBelow(staging)) {
        await cp(join(staging, file), join(target, file), { errorOnExist: true, force: false }).catch(
          (cause: unknown) => {
            throw verificationFailure(`artifact ${name}: ${file} is already there from another one`, { cause })
          },
        )
      }
    } finally {
      await rm(staging, { recursive: true, force: true })
    }
  }
}
